"""When a payment last changed: one by card is tried again, and may succeed."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

CHANGED = """
-- The default is for the version before this one, while it still runs.
ALTER TABLE subscriptions_payment ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE subscriptions_payment NO FORCE ROW LEVEL SECURITY;
UPDATE subscriptions_payment SET updated_at = coalesce(paid_at, created_at);
ALTER TABLE subscriptions_payment FORCE ROW LEVEL SECURITY;
"""

STATE = [migrations.AddField("payment", "updated_at", models.DateTimeField(), preserve_default=False)]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0010_metered")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(CHANGED)], STATE)]
