"""Of which period its member was reminded, an automation remembers."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

REMINDED = """
ALTER TABLE recurring_automation ADD COLUMN reminded_period integer;
GRANT SELECT (next_period, reminded_period) ON recurring_automation TO {sweep};
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0008_card_bounds")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(REMINDED)],
            [migrations.AddField("utilityautomation", "reminded_period", models.PositiveIntegerField(null=True))],
        ),
    ]
