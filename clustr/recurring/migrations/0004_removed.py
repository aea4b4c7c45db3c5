"""Automations that their members have removed: out of sight and off for good, while their periods stay in the books."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

REMOVED = """
ALTER TABLE recurring_automation ADD COLUMN removed_at timestamptz,
  ADD CONSTRAINT recurring_automation_removed_is_off CHECK (removed_at IS NULL OR state = 'off');
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0003_automations")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(REMOVED)],
            [migrations.AddField("utilityautomation", "removed_at", models.DateTimeField(null=True))],
        ),
    ]
