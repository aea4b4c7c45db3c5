"""Accounts for money on its way back to payers, and for what providers took back."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0002_covered")]
    operations: ClassVar = [
        sql(
            "INSERT INTO ledger_kind VALUES ('refunds', false, false), ('chargebacks', false, true) ON CONFLICT DO NOTHING"
        ),
    ]
