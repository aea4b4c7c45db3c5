"""A customer may say which of their saved cards everything is taken from, and comes back from Stripe's page."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.subscriptions.states import Act

_ACTS = ", ".join(f"'{act}'" for act in Act)

ACTS = f"""
ALTER TABLE subscriptions_stripecall DROP CONSTRAINT subscriptions_stripecall_act_check,
  ADD CONSTRAINT subscriptions_stripecall_act_check CHECK (act IN ({_ACTS}));
CREATE INDEX subscriptions_stripecall_by ON subscriptions_stripecall (cluster_id, user_id, id);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0005_sellers")]
    operations: ClassVar = [sql(ACTS)]
