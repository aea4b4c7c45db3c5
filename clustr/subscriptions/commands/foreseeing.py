"""What a change of plan comes to, whenever it would begin and whoever collects it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.errors import Busy
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.choosing import begins_later
from clustr.subscriptions.commands.periods import owed_usage, usage_so_far
from clustr.subscriptions.commands.previewing import (
    Change,
    ChangePreview,
    net_credit,
    price_now,
    refuse_not_open,
    show_change,
)
from clustr.subscriptions.commands.previewing import preview_change as preview_now
from clustr.subscriptions.commands.stripe_documents import credit_at_stripe
from clustr.subscriptions.commands.stripe_looking import preview_at_stripe
from clustr.subscriptions.commands.stripe_waiting import lines_waiting
from clustr.subscriptions.models import Subscription, SubscriptionPlan
from clustr.subscriptions.policies import cycle_of
from clustr.subscriptions.pricing import Totals, totals, totals_by_line
from clustr.subscriptions.refusals import (
    CollectionNotOffered,
    SamePlan,
    SubscriptionIncomplete,
    SubscriptionNotFound,
)
from clustr.subscriptions.schedule import anchor_at, period_at
from clustr.subscriptions.states import Collection, SubscriptionStatus
from clustr.subscriptions.types import Kept, Line, LineKind
from clustr.subscriptions.usage_queries import own_subscription


def foresee_change(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    at_period_end: bool | None = None,
    now: datetime,
) -> ChangePreview:
    """What `begin_change` with the same terms comes to: a larger plan now; a smaller one when the period ends, unless
    `at_period_end` is False, and then what the next invoice says, with what was used beyond the limits so far, and what waits
    for it at Stripe. Nothing is changed. Outside any transaction.

    Refuses as `begin_change` does, by card as `preview_at_stripe`, and `Busy` while a period turns.
    """
    with tenant(actor.cluster_id):
        mine = Subscription.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
        subscription = mine.filter(id=subscription_id).first()
        if subscription is None:
            raise SubscriptionNotFound
        refuse_not_open(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        if plan.id == subscription.plan_id and interval == subscription.interval:
            raise SamePlan
        by_card = subscription.collection == Collection.STRIPE
        if by_card:
            _refuse_at_stripe(subscription, plan, interval, now)
        later = begins_later(subscription=subscription, plan=plan, interval=interval, at_period_end=at_period_end)
    if later:
        waiting = lines_waiting(subscription=subscription) if by_card else []
        with tenant(actor.cluster_id):
            return _at_the_end(actor, subscription, plan, interval, waiting, now)
    preview = preview_at_stripe if by_card else preview_now
    return preview(actor=actor, subscription_id=subscription_id, plan_id=plan_id, interval=interval, now=now)


def foresee_end(*, actor: Actor, subscription_id: UUID) -> Totals:
    """What the end of a subscription invoices, as it stands: what was used beyond the limits so far, and in a period that was never
    paid for what was owed before. Refuses `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        lapsed = subscription.status == SubscriptionStatus.UNPAID
        lines = owed_usage(subscription=subscription) if lapsed else usage_so_far(subscription=subscription)
        return totals(lines=lines, currency=subscription.currency)


def _refuse_at_stripe(subscription: Subscription, plan: SubscriptionPlan, interval: str, now: datetime) -> None:
    """Refuses what Stripe does not change: `SubscriptionIncomplete`, and `CollectionNotOffered` to what costs nothing."""
    if subscription.status == SubscriptionStatus.INCOMPLETE:
        raise SubscriptionIncomplete
    if not price_now(subscription=subscription, plan=plan, interval=interval, now=now).minor:
        raise CollectionNotOffered("Cancel, and choose the free plan when this one has ended.")


def _at_the_end(
    actor: Actor,
    subscription: Subscription,
    plan: SubscriptionPlan,
    interval: str,
    waiting: Sequence[Line],
    now: datetime,
) -> ChangePreview:
    """The first invoice of the next period, as it stands, with what waits for it at Stripe."""
    at = subscription.current_period_end
    if at <= now:
        raise Busy(retry_after_seconds=60)
    price = price_now(subscription=subscription, plan=plan, interval=interval, now=at)
    counted = interval == subscription.interval
    anchor = subscription.anchor(actor.timezone) if counted else anchor_at(at=at, zone=actor.timezone)
    period = period_at(anchor=anchor, cycle=cycle_of(interval), at=at)
    discount = queries.discount_in_force(subscription=subscription, at=at, plan=plan)
    lines = [*waiting, *usage_so_far(subscription=subscription)]
    if price.minor:
        tax = queries.tax_of(user_id=subscription.user_id)
        lines.append(Line(LineKind.PLAN, f"{plan.name}, a {interval}", price, period, 1, tax))
    change = Change(plan, interval, price, Kept.NOTHING, period, price, lines, {})
    by_card = subscription.collection == Collection.STRIPE
    credit = credit_at_stripe(subscription=subscription) if by_card else net_credit(subscription=subscription)
    add_up = totals_by_line if by_card else totals  # how whoever invoices it rounds its tax
    shown = show_change(change=change, credit=credit, discount=discount, at=at, add_up=add_up)
    return replace(shown, digest="", at_period_end=True)
