"""What a change of plan within a period leaves included in it; and what lapsed after it was cancelled is found when it ends."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

COLUMNS = """
ALTER TABLE subscriptions_subscription
  ADD COLUMN included jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(included) = 'object'),
  ADD COLUMN included_since timestamptz;
GRANT SELECT (cancel_at_period_end) ON subscriptions_subscription TO {sweep};
"""

STATE = [
    migrations.AddField("subscription", "included", models.JSONField(default=dict)),
    migrations.AddField("subscription", "included_since", models.DateTimeField(null=True)),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0007_stands_at_stripe")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(COLUMNS)], STATE)]
