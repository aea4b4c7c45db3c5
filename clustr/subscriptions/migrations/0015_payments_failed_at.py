"""When a try to pay last failed: what it failed of stays, also where a later try of the same payment succeeded."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

FAILED = """
ALTER TABLE subscriptions_payment ADD COLUMN failed_at timestamptz;
ALTER TABLE subscriptions_payment NO FORCE ROW LEVEL SECURITY;
UPDATE subscriptions_payment SET failed_at = updated_at WHERE status = 'failed';
ALTER TABLE subscriptions_payment FORCE ROW LEVEL SECURITY;
"""

STATE = [migrations.AddField("payment", "failed_at", models.DateTimeField(null=True))]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0014_reconciliations")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(FAILED)], STATE)]
