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
from clustr.subscriptions.states import EventKind

_LOCK = "SELECT pg_advisory_xact_lock(uuid_hash_extended(%s, uuid_hash_extended(kit_tenant(), 70)))"


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
    discount = queries.lasting_discount(subscription=subscription, at=now)
    monthly = recurring(subscription=subscription, discount=discount)
    events = SubscriptionEvent.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
    SubscriptionEvent.objects.create(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        n=events.count() + 1,
        kind=kind.value,
        status=subscription.status,
        plan_id=subscription.plan_id,
        interval=subscription.interval,
        monthly_minor=monthly.minor,
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


def tell_estate(*, subscription: Subscription) -> None:
    """Have what the plan allows written down to its estate, where it is for one."""
    if subscription.for_cluster_id is not None:
        enqueue(
            "subscriptions.write_allowance",
            once_key=f"subscriptions.write_allowance:{subscription.for_cluster_id}",
            cluster_id=subscription.cluster_id,
            for_cluster_id=subscription.for_cluster_id,
        )
