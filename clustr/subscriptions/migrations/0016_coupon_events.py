"""That a coupon was used is an event of its subscription, which lowers its recurring revenue from that day on."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.subscriptions.states import EventKind

_KINDS = ", ".join(f"'{kind}'" for kind in EventKind)
COUPONS = f"""
ALTER TABLE subscriptions_event DROP CONSTRAINT subscriptions_event_kind_check,
  ADD CONSTRAINT subscriptions_event_kind_check CHECK (kind IN ({_KINDS}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0015_payments_failed_at")]
    operations: ClassVar = [sql(COUPONS)]
