"""Choosing a plan."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from clustr.clusters import queries as clusters
from clustr.clusters.refusals import ClusterNotFound, InvitationNotAccepted, NoMembership, PersonNotActive
from clustr.clusters.types import Role
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.coupons import redeem
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.periods import begin_period
from clustr.subscriptions.commands.recording import lock_customers, note
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.policies import cycle_of
from clustr.subscriptions.refusals import AlreadySubscribed, CollectionNotOffered, EstateNotYours
from clustr.subscriptions.schedule import anchor_at, billing_day, period_at, trial_end
from clustr.subscriptions.states import Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.vendors.registry import stripe_is_on


def subscribe_user(
    *,
    actor: Actor,
    plan_id: UUID,
    interval: str,
    currency: str = "USD",
    collection: Collection = Collection.BANK_TRANSFER,
    coupon: str = "",
    for_cluster_id: UUID | None = None,
    now: datetime,
) -> Subscription:
    """Choose a plan for oneself, or for an estate one manages. `interval`: "month" or "year". The first plan with a trial
    begins with it, once per customer and per estate; else the first period is invoiced at once. What Stripe collects is
    `incomplete` until it has begun there.

    Refuses `PlanNotFound`, `AlreadySubscribed`, `CurrencyNotOffered`, `CollectionNotOffered`, `EstateNotYours`, `CouponNotValid`, `CouponUsed`.
    """
    user_id = actor.member_id
    if for_cluster_id is not None:
        _require_administrator(actor, for_cluster_id, now)
    with tenant(actor.cluster_id), crash_points("subscriptions.subscribe"):
        lock_customers(user_id, *([for_cluster_id] if for_cluster_id else []))
        plan = queries.offered_plan(plan_id=plan_id)
        _refuse_second(actor, user_id, for_cluster_id)
        price = queries.agreed_price(user_id=user_id, plan=plan, interval=interval, currency=currency, now=now)
        by_stripe = collection is Collection.STRIPE
        if price.minor and (collection is Collection.NONE or (by_stripe and not stripe_is_on())):
            raise CollectionNotOffered
        tries = bool(
            price.minor
            and plan.trial_days
            and not by_stripe  # there the trial begins with the subscription
            and not queries.had_trial(user_id=user_id, for_cluster_id=for_cluster_id)
        )
        ends = trial_end(start=now, days=plan.trial_days, zone=actor.timezone) if tries else None
        anchor = anchor_at(at=ends or now, zone=actor.timezone)
        whole = period_at(anchor=anchor, cycle=cycle_of(interval), at=anchor.at)
        subscription = Subscription(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=user_id,
            for_cluster_id=for_cluster_id,
            plan_id=plan.id,
            interval=interval,
            currency=currency,
            price_minor=price.minor,
            period_price_minor=0,
            collection=collection if price.minor else Collection.NONE,
            status=_begins_as(tries=tries, by_stripe=by_stripe and bool(price.minor)),
            anchor_at=anchor.at,
            anchor_day=billing_day(at=anchor.at, zone=actor.timezone),
            current_period_start=now,
            current_period_end=ends or whole.end,
            trial_end=ends,
            created_at=now,
            updated_at=now,
        )
        _insert(subscription)
        if coupon:
            redeem(actor=actor, subscription=subscription, code=coupon, now=now)
        lines = (
            []
            if tries or subscription.status == SubscriptionStatus.INCOMPLETE
            else begin_period(actor=actor, subscription=subscription, at=now, counted_anew=False, now=now)
        )
        note(actor=actor, subscription=subscription, kind=EventKind.CREATED, now=now)
        generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
    return subscription


def _begins_as(*, tries: bool, by_stripe: bool) -> SubscriptionStatus:
    if by_stripe:
        return SubscriptionStatus.INCOMPLETE
    return SubscriptionStatus.TRIALING if tries else SubscriptionStatus.ACTIVE


def _require_administrator(actor: Actor, for_cluster_id: UUID, now: datetime) -> None:
    try:
        there = clusters.actor_for(user_id=actor.member_id, cluster_id=for_cluster_id, origin=actor.origin, now=now)
    except (ClusterNotFound, InvitationNotAccepted, NoMembership, PersonNotActive) as error:
        raise EstateNotYours from error
    if there.role != Role.ADMIN:
        raise EstateNotYours


def _refuse_second(actor: Actor, user_id: UUID, for_cluster_id: UUID | None) -> None:
    mine = Q(user_id=user_id, for_cluster_id=None)
    same = Q(for_cluster_id=for_cluster_id) if for_cluster_id else mine
    if Subscription.objects.filter(same, cluster_id=actor.cluster_id, ended_at=None).exists():
        raise AlreadySubscribed


def _insert(subscription: Subscription) -> None:
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
    except IntegrityError as error:
        if "subscriptions_subscription_one_of" not in str(error):
            raise
        raise AlreadySubscribed from error
