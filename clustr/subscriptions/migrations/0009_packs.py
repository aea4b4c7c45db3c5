"""Subscribers buy units in advance by themselves: asked of Stripe, and granted once for each invoice."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.subscriptions.states import Act

_ACTS = ", ".join(f"'{act}'" for act in Act)

PACKS = f"""
ALTER TABLE subscriptions_stripecall DROP CONSTRAINT subscriptions_stripecall_act_check,
  ADD CONSTRAINT subscriptions_stripecall_act_check CHECK (act IN ({_ACTS}));
CREATE UNIQUE INDEX subscriptions_usagepack_once ON subscriptions_usagepack (cluster_id, invoice_id);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0008_changes")]
    operations: ClassVar = [sql(PACKS)]
