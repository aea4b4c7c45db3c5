"""Taking orders whose period is due: each by one sweep at a time, locked until the sweep's transaction ends."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.clusters import queries as clusters
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id
from clustr.recurring.commands.moving import Due
from clustr.recurring.commands.stopping import stop_order
from clustr.recurring.models import RecurringPayment
from clustr.recurring.notices import tell_of_order
from clustr.recurring.types import Happening, OrderState, PaymentSource, StoppedBy

# The order's row is locked for the batch: of two sweeps at once each takes what the other has not, and whoever pauses an
# order waits for its run or comes first. A period that was tried before goes on with its run. Whether somebody is a member
# is looked up by key for each: asked by EXISTS, the planner would read every membership of the cluster for each batch.
_CLAIM = """
SELECT o.id, o.user_id, o.title, o.amount_minor, coalesce(o.max_minor, o.amount_minor), o.currency, o.frequency,
  o.bill_type, o.anchor_on + o.anchor_at, o.timezone, o.end_at, o.next_period, o.failed_attempts,
  coalesce((SELECT true FROM clusters_membership m WHERE m.cluster_id = o.cluster_id AND m.user_id = o.user_id
    AND m.joined_at <= %(now)s AND (m.left_at IS NULL OR m.left_at > %(now)s) LIMIT 1), false),
  (SELECT w.id FROM wallets_wallet w
   WHERE w.cluster_id = o.cluster_id AND w.user_id = o.user_id AND w.currency = o.currency),
  CASE WHEN o.failed_attempts > 0 THEN (SELECT r.id FROM recurring_run r
    WHERE r.cluster_id = o.cluster_id AND r.order_id = o.id AND r.period = o.next_period) END,
  o.method_id
FROM recurring_payment o
WHERE o.cluster_id = %(cluster)s AND o.state = 'active' AND o.next_run_at <= %(now)s
  AND o.payment_source = %(source)s
  AND (%(only)s::uuid IS NULL OR o.id = %(only)s)
ORDER BY o.next_run_at, o.id LIMIT %(limit)s FOR NO KEY UPDATE OF o SKIP LOCKED"""


def claim_due(*, cluster_id: UUID, source: PaymentSource, limit: int, only: UUID | None, now: datetime) -> list[Due]:
    """The orders of this source that are due longest (or `only` this one, if it is due), and that no other sweep has."""
    with refusals_from_database(), connection.cursor() as cursor:
        values = {"cluster": cluster_id, "source": source.value, "now": now, "limit": limit, "only": only}
        cursor.execute(_CLAIM, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Due._make((*row[:-2], row[-2] or new_id(), row[-1])) for row in rows]


def stop_for_departure(*, due: Due, now: datetime) -> None:
    """End a claimed order whose member has left, and tell them."""
    order = RecurringPayment.objects.get(id=due.id)
    stop_order(order=order, state=OrderState.CANCELLED, by=StoppedBy.DEPARTURE, reason="", now=now)
    audit.record(
        actor=clusters.system_actor(cluster_id=order.cluster_id),
        action="recurring.cancelled",
        subject_kind="recurring_payment",
        subject_id=order.id,
        at=now,
        reason="Its member has left.",
    )
    tell_of_order(order=order, happening=Happening.CANCELLED, now=now)
