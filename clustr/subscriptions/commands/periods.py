"""What each new period brings: its length, its price, and what was used beyond the last one's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.recording import note
from clustr.subscriptions.included import Exchange, Units, exchange
from clustr.subscriptions.models import PendingChange, Subscription, SubscriptionPlan
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.policies import overage_lines
from clustr.subscriptions.pricing import discounted
from clustr.subscriptions.schedule import Anchor, billing_day, period_at
from clustr.subscriptions.states import Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Line, LineKind, Period


def begin_period(
    *, actor: Actor, subscription: Subscription, at: datetime, counted_anew: bool, now: datetime
) -> list[Line]:
    """Let the period that holds `at` be the one under way, and answer the line that charges its price: none where the plan
    is free. `counted_anew`: periods are counted from `at` from now on."""
    if counted_anew:
        subscription.anchor_at = at
        subscription.anchor_day = billing_day(at=at, zone=actor.timezone)
    anchor = Anchor(subscription.anchor_at, subscription.anchor_day, actor.timezone)
    period = period_at(anchor=anchor, cycle=subscription.cycle, at=at)
    subscription.current_period_start, subscription.current_period_end = period.start, period.end
    discount = queries.discount_in_force(subscription=subscription, at=now)
    subscription.period_price_minor = discounted(price=subscription.price, discount=discount).minor
    if not subscription.price_minor:
        return []
    plan = queries.plan_of(subscription=subscription)
    tax = queries.tax_of(user_id=subscription.user_id)
    return [Line(LineKind.PLAN, f"{plan.name}, a {subscription.interval}", subscription.price, period, 1, tax)]


def take_plan(*, subscription: Subscription, plan: SubscriptionPlan, interval: str, price: Money) -> None:
    """Let the subscription have this plan at this price. How it is collected follows from whether it costs anything."""
    subscription.plan_id, subscription.interval, subscription.price_minor = plan.id, interval, price.minor
    if not price.minor:
        subscription.collection = Collection.NONE
    elif subscription.collection == Collection.NONE:
        subscription.collection = Collection.BANK_TRANSFER


def overage_of(*, subscription: Subscription) -> list[Line]:
    """What was used in the period under way beyond what the plan includes, as lines."""
    return overage_lines(
        plan=queries.plan_of(subscription=subscription),
        used=queries.used_now(subscription=subscription),
        packs=queries.on_top_now(subscription=subscription),
        period=Period(subscription.current_period_start, subscription.current_period_end),
        currency=subscription.currency,
        tax_basis_points=queries.tax_of(user_id=subscription.user_id),
    )


def owed_usage(*, subscription: Subscription) -> list[Line]:
    """What changes of plan within the period under way settled of usage and is not charged yet, as lines."""
    return overage_again(subscription=subscription, items=subscription.usage_owed, period=subscription.period)


def usage_so_far(*, subscription: Subscription) -> list[Line]:
    """All that was used beyond what was included and is not charged yet: of the period under way, and what changes settled."""
    return [*overage_of(subscription=subscription), *owed_usage(subscription=subscription)]


def overage_again(*, subscription: Subscription, items: Sequence[Mapping[str, Any]], period: Period) -> list[Line]:
    """What was reckoned before of usage beyond the limits, and written down as `items_of` does, as lines taxed as today."""
    tax = queries.tax_of(user_id=subscription.user_id)
    return [
        Line(
            LineKind.OVERAGE,
            item["description"],
            Money(item["amount"], subscription.currency),
            period,
            item.get("quantity", 1),
            tax,
            discountable=False,
        )
        for item in items
    ]


def exchanged(*, subscription: Subscription, old: SubscriptionPlan, new: SubscriptionPlan, at: datetime) -> Exchange:
    """What a change from one plan to another at `at`, within the period under way, settles of its usage."""
    return exchange(
        old=old,
        new=new,
        used=queries.used_now(subscription=subscription),
        packs=queries.packs_now(subscription=subscription),
        on_top=queries.left_by_changes(subscription=subscription),
        period=subscription.period,
        at=at,
        currency=subscription.currency,
        tax_basis_points=queries.tax_of(user_id=subscription.user_id),
    )


def take_exchange(*, subscription: Subscription, on_top: Units) -> None:
    """Let what a change of plan left be included in the period under way."""
    subscription.included = {feature.value: str(units) for feature, units in on_top.items()}
    subscription.included_since = subscription.current_period_start


def end_subscription(*, actor: Actor, subscription: Subscription, at: datetime, reason: str, now: datetime) -> None:
    """End it for good: what was used beyond the limits is invoiced, what was scheduled is dropped. What is open stays
    open, and what is paid late still counts."""
    lines = usage_so_far(subscription=subscription)
    subscription.usage_owed = []
    generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
    drop_pending_change(subscription=subscription)
    subscription.status = SubscriptionStatus.CANCELED
    subscription.canceled_at = subscription.canceled_at or now
    subscription.ended_at = at
    subscription.past_due_since = None
    note(actor=actor, subscription=subscription, kind=EventKind.ENDED, now=now, reason=reason)
    plan = queries.plan_of(subscription=subscription)
    tell_customer(told=Told.CANCELED, user_id=subscription.user_id, facts={"plan": plan.name, "ends": ""}, now=now)


def drop_pending_change(*, subscription: Subscription) -> bool:
    """Forget the change that waits for the end of the period; answers whether there was one."""
    waiting = PendingChange.objects.filter(cluster_id=subscription.cluster_id, id=subscription.id)
    return bool(waiting.delete()[0])
