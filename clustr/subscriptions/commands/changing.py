"""Changing a plan, now or at the end of the period; cancelling, and thinking better of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import Busy
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice, use_coupon
from clustr.subscriptions.commands.periods import drop_pending_change, end_subscription, overage_of, take_plan
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.renewing import turn_periods
from clustr.subscriptions.models import PendingChange, Subscription, SubscriptionEvent, SubscriptionPlan
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.policies import cycle_of, kept_by, rank_of
from clustr.subscriptions.pricing import Totals, change_lines, discounted, split_by_sign, totals
from clustr.subscriptions.refusals import (
    NotADowngrade,
    NotAnUpgrade,
    NotCanceled,
    PreviewTooOld,
    SamePlan,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionNotFound,
)
from clustr.subscriptions.schedule import anchor_at, billing_day, period_at
from clustr.subscriptions.states import EventKind, SubscriptionStatus
from clustr.subscriptions.types import Kept, Line, Period

PREVIEW_HOLDS = timedelta(minutes=30)
"""How long the instant of a preview may be used for the change itself, so that both come to the same."""


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change at `proration_date` comes to. `is_credit_note`: the sums are given back, not charged. `amount_due`:
    what is left to pay after the customer's credit."""

    proration_date: datetime
    new_period: Period
    sums: Totals
    is_credit_note: bool
    amount_due: Money


@dataclass(frozen=True, slots=True)
class _Change:
    plan: SubscriptionPlan
    interval: str
    price: Money
    kept: Kept
    period: Period
    charged_at: Money
    lines: list[Line]


def preview_change(
    *, actor: Actor, subscription_id: UUID, plan_id: UUID, interval: str, now: datetime
) -> ChangePreview:
    """What changing the plan now would come to, to the minor unit; the change itself with this `proration_date` comes to
    the same. Nothing is changed."""
    with tenant(actor.cluster_id):
        subscription = Subscription.objects.filter(
            cluster_id=actor.cluster_id, id=subscription_id, user_id=actor.member_id
        ).first()
        if subscription is None:
            raise SubscriptionNotFound
        if subscription.current_period_end <= now:
            raise Busy(retry_after_seconds=60)
        change = _change(actor, subscription, plan_id, interval, now, now)
        charged, given_back = split_by_sign(lines=change.lines, currency=subscription.currency)
        sums = totals(lines=given_back or charged, currency=subscription.currency)
        credit = queries.credit_of(user_id=subscription.user_id, currency=subscription.currency)
        due = 0 if given_back else max(sums.total.minor - credit.minor, 0)
        return ChangePreview(now, change.period, sums, bool(given_back), Money(due, subscription.currency))


def upgrade_plan(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    proration_date: datetime | None = None,
    now: datetime,
) -> Subscription:
    """Take a larger plan, a newer version, or the same for a year, from now on: what is unused of the old one is credited, the rest of
    the new one charged, as previewed. In a trial the trial goes on, under the new plan.

    Refuses `NotAnUpgrade`, `SamePlan`, `PlanNotFound`, `PreviewTooOld`, `SubscriptionEnded`, `SubscriptionLapsed`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.upgrade"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        change = _apply_now(actor, subscription, plan_id, interval, proration_date, now, upgrade=True)
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
    now: datetime,
) -> Subscription:
    """Take a smaller plan, or the same by the month: when the period ends, or now, and then what is unused is credited.

    Refuses `NotADowngrade`, `SamePlan`, `PlanNotFound`, `PreviewTooOld`, `SubscriptionEnded`, `SubscriptionLapsed`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.downgrade"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if not at_period_end or subscription.status == SubscriptionStatus.TRIALING:
            change = _apply_now(actor, subscription, plan_id, interval, proration_date, now, upgrade=False)
            generate_invoice(actor=actor, subscription=subscription, lines=change.lines, now=now)
            return subscription
        turn_periods(actor=actor, subscription=subscription, now=now)
        refuse_not_open(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        price = _price(subscription, plan, interval, now)
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
    """Cancel when the period ends, or now. Nothing is given back; what is open stays open. Refuses `SubscriptionEnded`."""
    with tenant(actor.cluster_id), crash_points("subscriptions.cancel"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        turn_periods(actor=actor, subscription=subscription, now=now)
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        subscription.canceled_at, subscription.cancel_reason = now, reason
        if not at_period_end or subscription.current_period_end <= now:
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
    proration_date: datetime | None,
    now: datetime,
    *,
    upgrade: bool,
) -> _Change:
    turn_periods(actor=actor, subscription=subscription, now=now)
    at = proration_date_of(subscription=subscription, asked=proration_date, now=now)
    change = _change(actor, subscription, plan_id, interval, at, now)
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
    note(actor=actor, subscription=subscription, kind=EventKind.PLAN_CHANGED, now=now)
    return change


def _change(
    actor: Actor, subscription: Subscription, plan_id: UUID, interval: str, at: datetime, now: datetime
) -> _Change:
    """What a change at this instant comes to; nothing is changed."""
    refuse_not_open(subscription=subscription)
    plan = queries.offered_plan(plan_id=plan_id)
    price = _price(subscription, plan, interval, now)
    if plan.id == subscription.plan_id and interval == subscription.interval:
        raise SamePlan
    if subscription.status == SubscriptionStatus.TRIALING:
        return _Change(plan, interval, price, Kept.PERIOD, subscription.period, Money(0, price.currency), [])
    kept = kept_by(subscription=subscription, interval=interval)
    period = subscription.period
    if kept is Kept.NOTHING:
        anchor = anchor_at(at=at, zone=actor.timezone)
        period = period_at(anchor=anchor, cycle=cycle_of(interval), at=at)
    whole = kept is Kept.NOTHING
    discount_at = queries.discount_in_force if whole else queries.lasting_discount
    charged_at = discounted(price=price, discount=discount_at(subscription=subscription, at=now))
    lines = change_lines(
        old=(queries.plan_of(subscription=subscription).name, subscription.period_price),
        new=(plan.name, charged_at),
        period=subscription.period,
        new_period=period,
        kept=kept,
        at=at,
        tax_basis_points=queries.tax_of(user_id=subscription.user_id),
    )
    if whole:
        lines = [*overage_of(subscription=subscription), *lines]
    return _Change(plan, interval, price, kept, period, charged_at, lines)


def _price(subscription: Subscription, plan: SubscriptionPlan, interval: str, now: datetime) -> Money:
    return queries.agreed_price(
        user_id=subscription.user_id, plan=plan, interval=interval, currency=subscription.currency, now=now
    )


def proration_date_of(*, subscription: Subscription, asked: datetime | None, now: datetime) -> datetime:
    """The instant that was previewed, if nothing has happened since; or now."""
    if asked is None:
        return now
    last = SubscriptionEvent.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
    happened = last.order_by("-n").values_list("at", flat=True).first()
    if not now - PREVIEW_HOLDS <= asked <= now or (happened is not None and happened > asked):
        raise PreviewTooOld
    return asked


def refuse_not_open(*, subscription: Subscription) -> None:
    """Refuses `SubscriptionEnded`, `SubscriptionLapsed`."""
    if subscription.ended_at is not None:
        raise SubscriptionEnded
    if subscription.status == SubscriptionStatus.UNPAID:
        raise SubscriptionLapsed


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
