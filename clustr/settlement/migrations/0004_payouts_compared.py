"""Payouts are compared by runs of their own."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

INDEX = """
DROP INDEX settlement_reconciliation_latest;
CREATE INDEX settlement_reconciliation_latest ON settlement_reconciliation (provider, compares, at DESC);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("settlement", "0003_telling")]
    operations: ClassVar = [
        migrations.AddField("Reconciliation", "compares", models.TextField(default="charges", db_default="charges")),
        sql(INDEX),
    ]
