"""On which days before a due date an estate reminds its members."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from clustr.kit.schema import sql

REMINDER_DAYS = """
ALTER TABLE clusters_cluster ADD COLUMN reminder_days smallint[]
  CONSTRAINT clusters_cluster_reminder_days_check
  CHECK (cardinality(reminder_days) <= 5 AND 1 <= ALL (reminder_days) AND 365 >= ALL (reminder_days));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("clusters", "0003_plan_allowance")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(REMINDER_DAYS)],
            [migrations.AddField("cluster", "reminder_days", ArrayField(models.SmallIntegerField(), null=True))],
        ),
    ]
