"""What a request began at Stripe is what it asks for still when it comes again; and by card, usage that a change of plan
settled waits for the next invoice."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

CAUSES = """
ALTER TABLE subscriptions_subscription ADD COLUMN usage_owed jsonb NOT NULL DEFAULT '[]'
  CHECK (jsonb_typeof(usage_owed) = 'array');
ALTER TABLE subscriptions_stripecall ADD COLUMN cause uuid;
CREATE UNIQUE INDEX subscriptions_stripecall_once_a_cause ON subscriptions_stripecall (cluster_id, cause)
  WHERE cause IS NOT NULL AND state NOT IN ('refused', 'dropped');
"""

STATE = [
    migrations.AddField("subscription", "usage_owed", models.JSONField(default=list)),
    migrations.AddField("stripecall", "cause", models.UUIDField(null=True)),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0011_payments_change")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(CAUSES)], STATE)]
