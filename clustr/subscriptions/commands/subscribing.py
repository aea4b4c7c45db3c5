"""Choosing a plan."""

from __future__ import annotations

from dataclasses import replace
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
from clustr.subscriptions.commands.periods import begin_period, end_subscription
from clustr.subscriptions.commands.previewing import Change, ChangePreview, show_change
from clustr.subscriptions.commands.recording import lock_customers, note
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.policies import cycle_of
from clustr.subscriptions.refusals import (
    AlreadySubscribed,
    CollectionNotOffered,
    EstateNotYours,
    InvoiceOverdue,
    SubscriptionNotFound,
)
from clustr.subscriptions.schedule import anchor_at, billing_day, period_at, trial_end
from clustr.subscriptions.states import Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Kept, Line, LineKind
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
    `incomplete` until it has begun there. It takes the place of one that lapsed under somebody who administers the estate no
    more, whose debt stays theirs.

    Refuses `PlanNotFound`, `AlreadySubscribed`, `CurrencyNotOffered`, `CollectionNotOffered`, `EstateNotYours`, `CouponNotValid`, `CouponUsed`,
    and by transfer `InvoiceOverdue` while an invoice of theirs is.
    """
    user_id = actor.member_id
    left_behind = _left_behind(actor, for_cluster_id, now) if for_cluster_id else None
    with tenant(actor.cluster_id), crash_points("subscriptions.subscribe"):
        _make_room(actor, for_cluster_id, left_behind, now)
        plan = queries.offered_plan(plan_id=plan_id)
        _refuse_second(actor, user_id, for_cluster_id)
        price = queries.agreed_price(user_id=user_id, plan=plan, interval=interval, currency=currency, now=now)
        by_stripe = collection is Collection.STRIPE
        if price.minor:
            _refuse_collection(collection, user_id, now)
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


def foresee_subscription(
    *, actor: Actor, plan_id: UUID, interval: str, currency: str, for_cluster_id: UUID | None, now: datetime
) -> ChangePreview:
    """What the first invoice of `subscribe_user` with the same terms comes to, after its trial where there is one. Nothing is
    changed, and no coupon is counted. Refuses `PlanNotFound`, `CurrencyNotOffered`, `SubscriptionNotFound` (an estate that
    is not theirs)."""
    user_id = actor.member_id
    if for_cluster_id is not None and not _administers(user_id, for_cluster_id, actor, now):
        raise SubscriptionNotFound
    with tenant(actor.cluster_id):
        plan = queries.offered_plan(plan_id=plan_id)
        price = queries.agreed_price(user_id=user_id, plan=plan, interval=interval, currency=currency, now=now)
        tries = price.minor and plan.trial_days
        tries = tries and not queries.had_trial(user_id=user_id, for_cluster_id=for_cluster_id)
        begins = trial_end(start=now, days=plan.trial_days, zone=actor.timezone) if tries else now
        anchor = anchor_at(at=begins, zone=actor.timezone)
        period = period_at(anchor=anchor, cycle=cycle_of(interval), at=anchor.at)
        tax = queries.tax_of(user_id=user_id)
        lines = [Line(LineKind.PLAN, f"{plan.name}, a {interval}", price, period, 1, tax)] if price.minor else []
        first = Change(plan, interval, price, Kept.NOTHING, period, price, lines, {})
        credit = queries.credit_of(user_id=user_id, currency=currency)
        return replace(show_change(change=first, credit=credit, at=now), digest="")


def _refuse_collection(collection: Collection, user_id: UUID, now: datetime) -> None:
    by_stripe = collection is Collection.STRIPE
    if collection is Collection.NONE or (by_stripe and not stripe_is_on()):
        raise CollectionNotOffered
    if not by_stripe and queries.is_behind(user_id=user_id, now=now):
        raise InvoiceOverdue


def _begins_as(*, tries: bool, by_stripe: bool) -> SubscriptionStatus:
    if by_stripe:
        return SubscriptionStatus.INCOMPLETE
    return SubscriptionStatus.TRIALING if tries else SubscriptionStatus.ACTIVE


def _administers(user_id: UUID, for_cluster_id: UUID, actor: Actor, now: datetime) -> bool:
    try:
        there = clusters.actor_for(user_id=user_id, cluster_id=for_cluster_id, origin=actor.origin, now=now)
    except (ClusterNotFound, InvitationNotAccepted, NoMembership, PersonNotActive):
        return False
    return there.role == Role.ADMIN


def _left_behind(actor: Actor, for_cluster_id: UUID, now: datetime) -> Subscription | None:
    """The subscription of an estate that the actor administers, if it lapsed and who chose it does so no more. Stripe ends
    its own. Refuses `EstateNotYours`."""
    if not _administers(actor.member_id, for_cluster_id, actor, now):
        raise EstateNotYours
    with tenant(actor.cluster_id):
        lapsed = Subscription.objects.filter(
            cluster_id=actor.cluster_id, for_cluster_id=for_cluster_id, ended_at=None, status=SubscriptionStatus.UNPAID
        )
        found = lapsed.exclude(collection=Collection.STRIPE).first()
    if found is None or _administers(found.user_id, for_cluster_id, actor, now):
        return None
    return found


def _make_room(actor: Actor, for_cluster_id: UUID | None, left_behind: Subscription | None, now: datetime) -> None:
    """Lock the customer, and the estate; and end what was left behind, unless it was paid meanwhile."""
    holder = left_behind.user_id if left_behind else None
    lock_customers(*(id for id in (actor.member_id, for_cluster_id, holder) if id is not None))
    if left_behind is None:
        return
    held = Subscription.objects.select_for_update().get(cluster_id=actor.cluster_id, id=left_behind.id)
    if held.status == SubscriptionStatus.UNPAID:
        end_subscription(actor=actor, subscription=held, at=now, reason="Another administrator chose anew", now=now)


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
