"""What an estate has of its plan: its members, the bills it issued and the messages it sent, counted by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from clustr.bills.office_queries import bills_issued
from clustr.clusters.queries import members_present
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.notifications.queries import messages_sent
from clustr.subscriptions import queries
from clustr.subscriptions.commands.recording import lock_subscription, tell_estate
from clustr.subscriptions.commands.usage import count_events, warn_of_limits
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.states import USABLE
from clustr.subscriptions.types import FeatureType, UsageEvent

SETTLES = timedelta(minutes=15)
"""What is written down with an earlier instant has been by then."""


def meter_estate(*, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """Count what the estate of a subscription did since it was counted last, each bill and message once, and how many
    members it has; warn who pays of limits, as of any usage. For jobs; harmless to repeat.

    Nothing is refused here: the estate itself refuses a bill or a member too many. Messages are counted and never withheld.
    What is done while the plan has lapsed is not counted.
    """
    with tenant(actor.cluster_id):
        seen = Subscription.objects.get(cluster_id=actor.cluster_id, id=subscription_id)
    since, until = seen.metered_until or seen.created_at, now - SETTLES
    if seen.for_cluster_id is None or seen.ended_at is not None or until <= since:
        return
    with tenant(seen.for_cluster_id):
        members = members_present()
        done = {
            FeatureType.BILLS: bills_issued(since=since, until=until),
            FeatureType.MESSAGES: messages_sent(since=since, until=until),
        }
    with tenant(actor.cluster_id), crash_points("subscriptions.meter_estate"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.metered_until != seen.metered_until or subscription.ended_at is not None:
            return
        used = queries.used_now(subscription=subscription).get(FeatureType.MEMBERS, Decimal(0))
        fresh = {FeatureType.MEMBERS: Decimal(members) - used} | {name: Decimal(n) for name, n in done.items()}
        events = [UsageEvent(feature, n, str(new_id()), until, {}) for feature, n in fresh.items() if n]
        if events and subscription.status in USABLE:
            plan = queries.plan_of(subscription=subscription)
            packs = queries.on_top_now(subscription=subscription)
            ceilings = dict.fromkeys(fresh, None)
            counted = count_events(subscription=subscription, events=events, ceilings=ceilings, now=now)
            warn_of_limits(subscription=subscription, plan=plan, packs=packs, counted=counted, now=now)
        subscription.metered_until = until
        subscription.save(update_fields=["metered_until"])
        tell_estate(subscription=subscription)
