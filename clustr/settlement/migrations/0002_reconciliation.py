"""Runs of reconciliation."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql

PRIVILEGES = """
CREATE INDEX settlement_reconciliation_latest ON settlement_reconciliation (provider, at DESC);
REVOKE ALL ON settlement_reconciliation FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT ON settlement_reconciliation TO {app};
GRANT SELECT ON settlement_reconciliation TO {checker};
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("settlement", "0001_receipts")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("provider", models.TextField()),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("complete", models.BooleanField()),
                ("listed", models.PositiveIntegerField()),
                ("settled_now", models.PositiveIntegerField()),
                ("breaks", models.PositiveIntegerField()),
            ],
        ),
        sql(PRIVILEGES),
        append_only("settlement_reconciliation"),
    ]
