"""What an estate did is counted up to an instant, each bill and message once."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

METERED = """
ALTER TABLE subscriptions_subscription ADD COLUMN metered_until timestamptz;
GRANT SELECT (for_cluster_id, metered_until) ON subscriptions_subscription TO {sweep};
"""

STATE = [migrations.AddField("subscription", "metered_until", models.DateTimeField(null=True))]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0009_packs")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(METERED)], STATE),
    ]
