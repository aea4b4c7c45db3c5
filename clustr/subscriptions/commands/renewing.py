"""Periods that have ended: the next one begins, is invoiced, or the subscription ends with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.periods import begin_period, end_subscription, overage_of, take_plan
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.models import PendingChange, Subscription, SubscriptionPlan
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.refusals import CurrencyNotOffered
from clustr.subscriptions.schedule import TRIAL_WARNING
from clustr.subscriptions.states import USABLE, Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Line


def renew_subscription(*, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """Turn every period that has ended by now. For jobs; harmless to repeat, and what was missed is caught up with."""
    with tenant(actor.cluster_id), crash_points("subscriptions.renew"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        turn_periods(actor=actor, subscription=subscription, now=now)


def turn_periods(*, actor: Actor, subscription: Subscription, now: datetime) -> None:
    """The same for a subscription that is locked. Of one that has lapsed nothing is turned: it begins anew when it is paid,
    or ends with its period if it was cancelled. Nor of one that Stripe collects: there Stripe turns the periods, and is
    followed."""
    while (
        subscription.collection != Collection.STRIPE
        and (subscription.status in USABLE or _ends_unpaid(subscription))
        and subscription.current_period_end <= now
    ):
        _turn(actor, subscription, subscription.current_period_end, now)


def _ends_unpaid(subscription: Subscription) -> bool:
    return subscription.status == SubscriptionStatus.UNPAID and subscription.cancel_at_period_end


def next_period(
    *, actor: Actor, subscription: Subscription, at: datetime, counted_anew: bool = False, now: datetime
) -> list[Line]:
    """Let the next period begin at `at`, with the change that waited for it and at the price in force then; answers the
    lines that charge it, and what was used beyond the limits of the last one. `counted_anew`: as for `begin_period`."""
    lines = overage_of(subscription=subscription)
    changes = _take_pending_change(subscription, at)
    _take_agreed_price(subscription, at)
    anew = counted_anew or changes
    return [*lines, *begin_period(actor=actor, subscription=subscription, at=at, counted_anew=anew, now=now)]


def warn_of_trial_end(*, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """Tell a customer, once, that the trial is about to end, and what it will cost."""
    with tenant(actor.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        ends = subscription.trial_end
        if (
            subscription.status != SubscriptionStatus.TRIALING
            or subscription.trial_told_at is not None
            or ends is None
            or now < ends - TRIAL_WARNING
        ):
            return
        subscription.trial_told_at = subscription.updated_at = now
        subscription.save(update_fields=["trial_told_at", "updated_at"])
        goes_on = subscription.price_minor and not subscription.cancel_at_period_end
        facts = {
            "plan": queries.plan_of(subscription=subscription).name,
            "ends": f"{ends.astimezone(ZoneInfo(actor.timezone)):%d %B %Y %H:%M}",
            "price": subscription.price.with_sign() if goes_on else "",
            "interval": subscription.interval,
        }
        tell_customer(told=Told.TRIAL_ENDING, user_id=subscription.user_id, facts=facts, now=now)


def _turn(actor: Actor, subscription: Subscription, at: datetime, now: datetime) -> None:
    if subscription.cancel_at_period_end:
        reason = subscription.cancel_reason
        end_subscription(actor=actor, subscription=subscription, at=at, reason=reason, now=now)
        return
    was_trial = subscription.status == SubscriptionStatus.TRIALING
    if was_trial:
        subscription.status = SubscriptionStatus.ACTIVE
    lines = next_period(actor=actor, subscription=subscription, at=at, now=now)
    kind = EventKind.TRIAL_ENDED if was_trial else EventKind.RENEWED
    note(actor=actor, subscription=subscription, kind=kind, now=now)
    generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)


def _take_pending_change(subscription: Subscription, at: datetime) -> bool:
    """Apply the change that waited for this end; answers whether the length of the periods changes with it."""
    change = PendingChange.objects.filter(cluster_id=subscription.cluster_id, id=subscription.id).first()
    if change is None or change.applies_at > at:
        return False
    plan = SubscriptionPlan.objects.get(cluster_id=subscription.cluster_id, id=change.plan_id)
    changes = change.interval != subscription.interval
    price = Money(change.price_minor, subscription.currency)
    take_plan(subscription=subscription, plan=plan, interval=change.interval, price=price)
    PendingChange.objects.filter(cluster_id=subscription.cluster_id, id=subscription.id).delete()
    return changes


def _take_agreed_price(subscription: Subscription, at: datetime) -> None:
    """Let the period that begins have the price of a contract in force then, or else the plan's own."""
    plan = queries.plan_of(subscription=subscription)
    try:
        price = queries.agreed_price(
            user_id=subscription.user_id,
            plan=plan,
            interval=subscription.interval,
            currency=subscription.currency,
            now=at,
        )
    except CurrencyNotOffered:
        return
    if price != subscription.price:
        take_plan(subscription=subscription, plan=plan, interval=subscription.interval, price=price)
