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
from clustr.subscriptions.commands.periods import begin_period, end_subscription, overage_of, take_plan, usage_so_far
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.models import PendingChange, Subscription, SubscriptionPlan
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.pricing import totals, totals_by_line
from clustr.subscriptions.refusals import CurrencyNotOffered
from clustr.subscriptions.schedule import TRIAL_WARNING
from clustr.subscriptions.states import USABLE, Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Line, LineKind


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
        facts = {
            "plan": queries.plan_of(subscription=subscription).name,
            "ends": f"{ends.astimezone(ZoneInfo(actor.timezone)):%d %B %Y %H:%M}",
            **_costs_from(subscription, ends),
        }
        tell_customer(told=Told.TRIAL_ENDING, user_id=subscription.user_id, facts=facts, now=now)


def _costs_from(subscription: Subscription, at: datetime) -> dict[str, str]:
    """For the mail: what the plan costs once its trial is over, and what the first invoice comes to as things stand, each sum that
    it is made of where there is any; nothing where nothing is charged."""
    by_card = subscription.collection == Collection.STRIPE
    price = _price_at(subscription, at)
    if by_card and not price.minor:
        price = subscription.price  # what costs nothing is not left to Stripe
    if not price.minor or subscription.cancel_at_period_end:
        return {"price": ""}
    tax, usage = queries.tax_of(user_id=subscription.user_id), usage_so_far(subscription=subscription)
    plan = Line(LineKind.PLAN, "", price, tax_basis_points=tax)
    discount = queries.discount_in_force(subscription=subscription, at=at)
    add_up = totals_by_line if by_card else totals
    sums = add_up(lines=[*usage, plan], currency=price.currency, discount=discount)
    holder = queries.stripe_credit_holder(user_id=subscription.user_id) if by_card else subscription.user_id
    beside = {
        "total": sums.total,
        "tax": sums.tax,
        "discount": sums.discount,
        "usage": sums.subtotal - price,
        "credit": queries.credit_of(user_id=holder, currency=price.currency),
    }
    return {
        "price": price.with_sign(),
        "interval": subscription.interval,
        "by_card": "yes" if by_card else "",
        **{name: amount.with_sign() if amount.minor > 0 or name == "total" else "" for name, amount in beside.items()},
    }


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
    price = _price_at(subscription, at)
    if price != subscription.price:
        plan = queries.plan_of(subscription=subscription)
        take_plan(subscription=subscription, plan=plan, interval=subscription.interval, price=price)


def _price_at(subscription: Subscription, at: datetime) -> Money:
    """By contract, or else as the plan says; as it is where that says nothing in this currency."""
    try:
        return queries.agreed_price(
            user_id=subscription.user_id,
            plan=queries.plan_of(subscription=subscription),
            interval=subscription.interval,
            currency=subscription.currency,
            now=at,
        )
    except CurrencyNotOffered:
        return subscription.price
