"""What an estate did is counted up to an instant, each bill and message once."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

METERED = """
-- What was done before this is not counted; of a subscription that begins later, all is.
ALTER TABLE subscriptions_subscription ADD COLUMN metered_until timestamptz DEFAULT now();
ALTER TABLE subscriptions_subscription ALTER COLUMN metered_until DROP DEFAULT;
GRANT SELECT (for_cluster_id, metered_until) ON subscriptions_subscription TO {sweep};
"""

STATE = [migrations.AddField("subscription", "metered_until", models.DateTimeField(null=True))]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0009_packs")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(METERED)], STATE),
    ]
