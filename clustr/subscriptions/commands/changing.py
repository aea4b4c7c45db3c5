"""Changing a plan, now or at the end of the period; cancelling, and thinking better of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice, use_coupon
from clustr.subscriptions.commands.periods import drop_pending_change, end_subscription, take_exchange, take_plan
from clustr.subscriptions.commands.previewing import (
    Change,
    change_at,
    digest_of,
    price_now,
    proration_date_of,
    refuse_not_open,
)
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.renewing import turn_periods
from clustr.subscriptions.models import PendingChange, Subscription, SubscriptionPlan
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.policies import rank_of
from clustr.subscriptions.refusals import (
    NotADowngrade,
    NotAnUpgrade,
    NotCanceled,
    PreviewTooOld,
    SamePlan,
    SubscriptionEnded,
)
from clustr.subscriptions.schedule import billing_day
from clustr.subscriptions.states import EventKind, SubscriptionStatus
from clustr.subscriptions.types import Kept


def upgrade_plan(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    proration_date: datetime | None = None,
    digest: str = "",
    now: datetime,
) -> Subscription:
    """Take a larger plan, a newer version, or the same for a year, from now on: what is unused of the old one is credited, the rest of
    the new one charged, as previewed. In a trial the trial goes on, under the new plan.

    Refuses `NotAnUpgrade`, `SamePlan`, `PlanNotFound`, `PreviewTooOld`, `SubscriptionEnded`, `SubscriptionLapsed`, and
    `InvoiceOverdue` while an invoice of the subscription is, or from a free plan any of theirs.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.upgrade"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        change = _apply_now(actor, subscription, plan_id, interval, (proration_date, digest), now, upgrade=True)
        generate_invoice(actor=actor, subscription=subscription, lines=change.lines, now=now)
    return subscription


def downgrade_plan(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    at_period_end: bool = True,
    proration_date: datetime | None = None,
    digest: str = "",
    now: datetime,
) -> Subscription:
    """Take a smaller plan, or the same by the month: when the period ends, or now, and then what is unused is credited.

    Refuses `NotADowngrade`, `SamePlan`, `PlanNotFound`, `PreviewTooOld`, `SubscriptionEnded`, `SubscriptionLapsed`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.downgrade"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if not at_period_end or subscription.status == SubscriptionStatus.TRIALING:
            change = _apply_now(actor, subscription, plan_id, interval, (proration_date, digest), now, upgrade=False)
            generate_invoice(actor=actor, subscription=subscription, lines=change.lines, now=now)
            return subscription
        turn_periods(actor=actor, subscription=subscription, now=now)
        refuse_not_open(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        price = price_now(subscription=subscription, plan=plan, interval=interval, now=now)
        refuse_direction(subscription=subscription, plan=plan, interval=interval, upgrade=False)
        PendingChange.objects.update_or_create(
            cluster_id=subscription.cluster_id,
            id=subscription.id,
            defaults={
                "plan_id": plan.id,
                "interval": interval,
                "price_minor": price.minor,
                "applies_at": subscription.current_period_end,
                "asked_at": now,
            },
        )
        note(actor=actor, subscription=subscription, kind=EventKind.CHANGE_SCHEDULED, now=now, reason=plan.code)
    return subscription


def cancel_subscription(
    *, actor: Actor, subscription_id: UUID, at_period_end: bool = True, reason: str = "", now: datetime
) -> Subscription:
    """Cancel when the period ends, or now; of one that has lapsed now. Nothing is given back; what is open stays open.

    Refuses `SubscriptionEnded`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.cancel"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        turn_periods(actor=actor, subscription=subscription, now=now)
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        subscription.canceled_at, subscription.cancel_reason = now, reason
        lapsed = subscription.status == SubscriptionStatus.UNPAID
        if not at_period_end or lapsed or subscription.current_period_end <= now:
            end_subscription(actor=actor, subscription=subscription, at=now, reason=reason, now=now)
            return subscription
        subscription.cancel_at_period_end = True
        drop_pending_change(subscription=subscription)
        note(actor=actor, subscription=subscription, kind=EventKind.CANCELLATION_SCHEDULED, now=now, reason=reason)
        ends = subscription.current_period_end.astimezone(ZoneInfo(actor.timezone))
        facts = {"plan": queries.plan_of(subscription=subscription).name, "ends": f"{ends:%d %B %Y}"}
        tell_customer(told=Told.CANCELED, user_id=subscription.user_id, facts=facts, now=now)
    return subscription


def reactivate_subscription(*, actor: Actor, subscription_id: UUID, now: datetime) -> Subscription:
    """Take back a cancellation, or a change, that waits for the end of the period. What has ended is chosen anew.

    Refuses `NotCanceled`, `SubscriptionEnded`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.reactivate"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        turn_periods(actor=actor, subscription=subscription, now=now)
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        dropped = drop_pending_change(subscription=subscription)
        if not subscription.cancel_at_period_end and not dropped:
            raise NotCanceled
        was_canceled = subscription.cancel_at_period_end
        subscription.cancel_at_period_end, subscription.canceled_at, subscription.cancel_reason = False, None, ""
        kind = EventKind.REACTIVATED if was_canceled else EventKind.CHANGE_DROPPED
        note(actor=actor, subscription=subscription, kind=kind, now=now)
    return subscription


def _apply_now(
    actor: Actor,
    subscription: Subscription,
    plan_id: UUID,
    interval: str,
    previewed: tuple[datetime | None, str],
    now: datetime,
    *,
    upgrade: bool,
) -> Change:
    turn_periods(actor=actor, subscription=subscription, now=now)
    at = proration_date_of(subscription=subscription, asked=previewed[0], now=now)
    change = change_at(actor=actor, subscription=subscription, plan_id=plan_id, interval=interval, at=at, now=now)
    if previewed[1] not in ("", digest_of(change=change)):
        raise PreviewTooOld("It would come to something else now.")
    refuse_direction(subscription=subscription, plan=change.plan, interval=interval, upgrade=upgrade)
    drop_pending_change(subscription=subscription)
    take_plan(subscription=subscription, plan=change.plan, interval=interval, price=change.price)
    if subscription.status != SubscriptionStatus.TRIALING:
        subscription.period_price_minor = change.charged_at.minor
        if change.kept is Kept.NOTHING:
            use_coupon(subscription=subscription, now=now)
            subscription.anchor_at = at
            subscription.anchor_day = billing_day(at=at, zone=actor.timezone)
            subscription.current_period_start, subscription.current_period_end = change.period.start, change.period.end
        take_exchange(subscription=subscription, on_top=change.on_top)
    note(actor=actor, subscription=subscription, kind=EventKind.PLAN_CHANGED, now=now)
    return change


def refuse_direction(*, subscription: Subscription, plan: SubscriptionPlan, interval: str, upgrade: bool) -> None:
    """Refuses `SamePlan`, `NotAnUpgrade`, `NotADowngrade`."""
    currency = subscription.currency
    if plan.id == subscription.plan_id and interval == subscription.interval:
        raise SamePlan
    before = rank_of(plan=queries.plan_of(subscription=subscription), interval=subscription.interval, currency=currency)
    after = rank_of(plan=plan, interval=interval, currency=currency)
    if upgrade and after < before:
        raise NotAnUpgrade
    if not upgrade and after >= before:
        raise NotADowngrade
