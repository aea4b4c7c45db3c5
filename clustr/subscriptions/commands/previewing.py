"""What a change of plan comes to, before it is made and when it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.errors import Busy
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.periods import exchanged, overage_of
from clustr.subscriptions.included import Units
from clustr.subscriptions.models import Subscription, SubscriptionEvent, SubscriptionPlan
from clustr.subscriptions.policies import cycle_of, kept_by, rank_of
from clustr.subscriptions.pricing import Totals, change_lines, discounted, split_by_sign, totals
from clustr.subscriptions.refusals import (
    InvoiceOverdue,
    PreviewTooOld,
    SamePlan,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionNotFound,
)
from clustr.subscriptions.schedule import anchor_at, period_at
from clustr.subscriptions.states import Collection, SubscriptionStatus
from clustr.subscriptions.types import Discount, Kept, Line, Period

PREVIEW_HOLDS = timedelta(minutes=30)
"""How long the instant of a preview may be used for the change itself, so that both come to the same."""


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change at `proration_date` comes to. `is_credit_note`: the sums are given back, not charged. `amount_due`:
    what is left to pay after the customer's credit. `digest`: sent with the change, it is made only if it still comes to the
    same; empty of what begins with the next period (`at_period_end`). `with_next`: what usage beyond the limits so far comes to, with
    tax, where the next invoice charges it."""

    proration_date: datetime
    new_period: Period
    sums: Totals
    is_credit_note: bool
    amount_due: Money
    digest: str = ""
    at_period_end: bool = False
    with_next: Money | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a change comes to. `on_top`: the units that are included from then on in the period besides the new plan's limits."""

    plan: SubscriptionPlan
    interval: str
    price: Money
    kept: Kept
    period: Period
    charged_at: Money
    lines: list[Line]
    on_top: Units


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
        change = change_at(actor=actor, subscription=subscription, plan_id=plan_id, interval=interval, at=now, now=now)
        return show_change(change=change, credit=net_credit(subscription=subscription), at=now)


def net_credit(*, subscription: Subscription) -> Money:
    """What stands in a customer's favour beside what is open, which it pays first; below zero where that is more."""
    currency = subscription.currency
    owed = queries.open_invoices(user_id=subscription.user_id, currency=currency)
    open_before = sum((invoice.amount_due for invoice in owed), Money(0, currency))
    return queries.credit_of(user_id=subscription.user_id, currency=currency) - open_before


def show_change(
    *,
    change: Change,
    credit: Money,
    at: datetime,
    discount: Discount | None = None,
    add_up: Callable[..., Totals] = totals,
) -> ChangePreview:
    """The sums of all lines, also where they become two documents. `credit`: what pays first, beside what is given back.
    `add_up`: how whoever invoices it rounds its tax."""
    currency = change.price.currency
    charged, given_back = (
        add_up(lines=lines, currency=currency, discount=discount).total.minor
        for lines in split_by_sign(lines=change.lines, currency=currency)
    )
    favourable = given_back > charged
    lines = [replace(line, amount=Money(-line.amount.minor, currency)) for line in change.lines]
    sums = add_up(lines=lines if favourable else change.lines, currency=currency, discount=discount)
    due = max(charged - max(credit.minor + given_back, 0), 0)
    return ChangePreview(at, change.period, sums, favourable, Money(due, currency), digest_of(change=change))


def digest_of(*, change: Change) -> str:
    """What a change comes to, as a short text: two that come to the same have the same."""
    told: list[object] = [change.plan.id, change.interval, change.price.minor, change.charged_at.minor]
    for line in change.lines:
        told += [line.kind.value, line.amount.minor, line.tax_basis_points]
    return in_short(told)


def in_short(told: Iterable[object]) -> str:
    """The digest of what this says."""
    return hashlib.sha256("|".join(map(str, told)).encode()).hexdigest()[:32]


def change_at(
    *, actor: Actor, subscription: Subscription, plan_id: UUID, interval: str, at: datetime, now: datetime
) -> Change:
    """What a change at this instant comes to; nothing is changed. Refuses as `upgrade_plan` does."""
    refuse_not_open(subscription=subscription)
    plan = queries.offered_plan(plan_id=plan_id)
    price = price_now(subscription=subscription, plan=plan, interval=interval, now=now)
    if plan.id == subscription.plan_id and interval == subscription.interval:
        raise SamePlan
    if price.minor and not subscription.price_minor and queries.is_behind(user_id=subscription.user_id, now=now):
        raise InvoiceOverdue
    refuse_owing(subscription=subscription, plan=plan, interval=interval, price=price, now=now)
    if subscription.status == SubscriptionStatus.TRIALING:
        return Change(plan, interval, price, Kept.PERIOD, subscription.period, Money(0, price.currency), [], {})
    kept = kept_by(subscription=subscription, interval=interval)
    period = subscription.period
    if kept is Kept.NOTHING:
        anchor = anchor_at(at=at, zone=actor.timezone)
        period = period_at(anchor=anchor, cycle=cycle_of(interval), at=at)
    whole = kept is Kept.NOTHING
    discount_at = queries.discount_in_force if whole else queries.lasting_discount
    charged_at = discounted(price=price, discount=discount_at(subscription=subscription, at=now, plan=plan))
    lines = change_lines(
        old=(queries.plan_of(subscription=subscription).name, subscription.period_price),
        new=(plan.name, charged_at),
        period=subscription.period,
        new_period=period,
        kept=kept,
        at=at,
        tax_basis_points=queries.tax_of(user_id=subscription.user_id),
        unused_tax_basis_points=queries.tax_of_period(subscription=subscription),
    )
    if whole:
        return Change(
            plan, interval, price, kept, period, charged_at, [*overage_of(subscription=subscription), *lines], {}
        )
    usage = exchanged(subscription=subscription, old=queries.plan_of(subscription=subscription), new=plan, at=at)
    return Change(plan, interval, price, kept, period, charged_at, [*usage.lines, *lines], usage.on_top)


def price_now(*, subscription: Subscription, plan: SubscriptionPlan, interval: str, now: datetime) -> Money:
    """What a plan would cost this subscription's customer now."""
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


def is_smaller(*, subscription: Subscription, plan: SubscriptionPlan, interval: str) -> bool:
    """Whether a plan is smaller than the one that a subscription has."""
    currency, present = subscription.currency, queries.plan_of(subscription=subscription)
    before = rank_of(plan=present, interval=subscription.interval, currency=currency)
    return rank_of(plan=plan, interval=interval, currency=currency) < before


def refuse_owing(
    *, subscription: Subscription, plan: SubscriptionPlan, interval: str, price: Money, now: datetime
) -> None:
    """Refuses `InvoiceOverdue` for a change now that charges something while an invoice of the subscription is overdue: who owes
    begins nothing new. A smaller plan gives back, unless it begins a year, and in a trial nothing is charged. By card a smaller one is
    refused too: Stripe would keep what it gives back as credit, and leave the invoice as it is."""
    begins_year = interval == "year" != subscription.interval and price.minor > 0
    smaller = is_smaller(subscription=subscription, plan=plan, interval=interval)
    gives_back = smaller and not begins_year and subscription.collection != Collection.STRIPE
    if gives_back or subscription.status == SubscriptionStatus.TRIALING:
        return
    if queries.is_owing(subscription=subscription, now=now):
        raise InvoiceOverdue


def refuse_not_open(*, subscription: Subscription) -> None:
    """Refuses `SubscriptionEnded`, `SubscriptionLapsed`."""
    if subscription.ended_at is not None:
        raise SubscriptionEnded
    if subscription.status == SubscriptionStatus.UNPAID:
        raise SubscriptionLapsed
