"""What an estate's plan allows, written down to the estate: so that bills and members know it without asking here."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clustr.clusters import commands as clusters
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.policies import ceiling_of
from clustr.subscriptions.states import USABLE, SubscriptionStatus
from clustr.subscriptions.types import FeatureType

_NEVER_BEGAN = (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED)


def write_allowance(*, cluster_id: UUID, for_cluster_id: UUID, now: datetime) -> None:
    """Write down to an estate what its plan allows now: that of the subscription that runs, or of the one that ended last.
    One that lapsed or ended stops what is new, and nothing else. Two transactions, one for each; harmless to repeat, and
    what a later act changed is written by its own job."""
    with tenant(cluster_id):
        theirs = Subscription.objects.filter(cluster_id=cluster_id, for_cluster_id=for_cluster_id).exclude(
            status__in=_NEVER_BEGAN
        )
        held = theirs.filter(ended_at=None).first() or theirs.order_by("-ended_at", "-id").first()
        if held is None:
            return
        plan, limits = queries.plan_of(subscription=held), _limits(held)
    stopped_at = None if held.status in USABLE else (held.ended_at or held.past_due_since or held.updated_at)
    clusters.write_plan_allowance(
        cluster_id=for_cluster_id,
        plan=plan.code,
        limits=limits,
        counted_from=held.current_period_start,
        stopped_at=stopped_at,
        now=now,
    )


def _limits(subscription: Subscription) -> dict[str, int | None]:
    """Beyond how many members and bills the estate refuses more: with what was bought in advance, and none where what is
    beyond is charged. Messages are counted and never withheld: a receipt reaches who paid."""
    plan, packs = queries.plan_of(subscription=subscription), queries.on_top_now(subscription=subscription)
    limits: dict[str, int | None] = {}
    for feature in (FeatureType.MEMBERS, FeatureType.BILLS):
        ceiling = ceiling_of(
            plan=plan, feature=feature, currency=subscription.currency, packs=packs.get(feature, Decimal(0))
        )
        limits[feature.value] = None if ceiling is None else int(ceiling)
    return limits
