"""What every act of this room does besides: lock the customer, and note what happened."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.jobs import enqueue
from clustr.people import queries as people
from clustr.subscriptions import queries
from clustr.subscriptions.models import Subscription, SubscriptionEvent
from clustr.subscriptions.policies import recurring
from clustr.subscriptions.refusals import CustomerNotFound, SubscriptionNotFound
from clustr.subscriptions.states import BILLED, EventKind

_LOCK = "SELECT pg_advisory_xact_lock(uuid_hash_extended(%s, uuid_hash_extended(kit_tenant(), 70)))"


_CHARGES = (
    EventKind.CREATED,
    EventKind.ACTIVATED,
    EventKind.TRIAL_ENDED,
    EventKind.RENEWED,
    EventKind.PLAN_CHANGED,
    EventKind.COUPON_WITHDRAWN,
)
"""What recurring revenue is counted anew at: a price is charged from then on, or a coupon is gone of which that was less."""


def lock_customers(*ids: UUID) -> None:
    """One at a time for each customer: taken first by whatever changes their subscriptions, invoices or credit. An estate
    that is subscribed for is locked like a customer."""
    with connection.cursor() as cursor:
        for id in sorted(set(ids)):
            cursor.execute(_LOCK, [id])


def lock_subscription(*, actor: Actor, subscription_id: UUID) -> Subscription:
    """The subscription, its customer locked first. Of somebody who acts for themself, only their own.

    Refuses `SubscriptionNotFound`.
    """
    whose = Subscription.objects.filter(cluster_id=actor.cluster_id, id=subscription_id)
    if actor.user_id is not None and not actor.may(queries.STAFF):
        whose = whose.filter(user_id=actor.user_id)
    peeked = whose.first()
    if peeked is None:
        raise SubscriptionNotFound
    lock_customers(peeked.user_id)
    return Subscription.objects.select_for_update().get(cluster_id=actor.cluster_id, id=subscription_id)


def refuse_nobody(*, user_id: UUID) -> None:
    """Refuses `CustomerNotFound` where nobody has this id."""
    if user_id not in people.names_of(user_ids=[user_id]):
        raise CustomerNotFound


def note(*, actor: Actor, subscription: Subscription, kind: EventKind, now: datetime, reason: str = "") -> None:
    """Save the subscription as it is now, and write down what happened to it, in its own history and in the trail."""
    subscription.updated_at = now
    subscription.save()
    events = SubscriptionEvent.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
    monthly_minor = _monthly(subscription, events.order_by("-n").first(), kind, now)
    SubscriptionEvent.objects.create(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        n=events.count() + 1,
        kind=kind.value,
        status=subscription.status,
        plan_id=subscription.plan_id,
        interval=subscription.interval,
        monthly_minor=monthly_minor,
        reason=reason,
        at=now,
    )
    tell_estate(subscription=subscription)
    audit.record(
        actor=actor,
        action=f"subscriptions.{kind.value}",
        subject_kind="subscription",
        subject_id=subscription.id,
        at=now,
        reason=reason,
        facts={"status": subscription.status, "plan_id": str(subscription.plan_id), "interval": subscription.interval},
    )


def _monthly(subscription: Subscription, last: SubscriptionEvent | None, kind: EventKind, now: datetime) -> int:
    """What it brings in a month from now on. A coupon that is used, or is not taken after all, counts as the next invoice will have
    it. What charges nothing changes nothing of it, whichever coupon began or ended since."""
    by_coupon = kind in (EventKind.COUPON_APPLIED, EventKind.COUPON_WITHDRAWN)
    at = max(now, subscription.current_period_end) if by_coupon else now
    discount = queries.lasting_discount(subscription=subscription, at=at)
    goes_on = (
        last is not None
        and last.status in BILLED
        and subscription.status in BILLED
        and last.at >= subscription.current_period_start
    )
    if last is not None and goes_on and kind not in _CHARGES and (discount is None or not by_coupon):
        return last.monthly_minor
    return recurring(subscription=subscription, discount=discount).minor


def tell_estate(*, subscription: Subscription) -> None:
    """Have what the plan allows written down to its estate, where it is for one."""
    if subscription.for_cluster_id is not None:
        enqueue(
            "subscriptions.write_allowance",
            once_key=f"subscriptions.write_allowance:{subscription.for_cluster_id}",
            cluster_id=subscription.cluster_id,
            for_cluster_id=subscription.for_cluster_id,
        )
