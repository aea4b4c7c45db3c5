"""Before a period of Stripe's begins, it is told the price that is agreed for it: a contract's, or the plan's own again."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.commands.stripe_coupons import coupon_terms
from clustr.subscriptions.commands.stripe_names import tax_terms
from clustr.subscriptions.models import Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import ChangeUnderWay, CurrencyNotOffered
from clustr.subscriptions.states import USABLE, Act, Collection

log = structlog.get_logger(__name__)


def take_agreed_price(*, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """Let the period that begins next have the price of a contract in force then, or else the plan's own, where Stripe would
    charge another; a job asks it. Harmless to repeat."""
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if (
            subscription.collection != Collection.STRIPE
            or subscription.status not in USABLE
            or subscription.cancel_at_period_end
            or subscription.current_period_end <= now
        ):
            return
        pending = queries.pending_change(subscription=subscription)
        plan_id, interval = subscription.plan_id, subscription.interval
        charged = subscription.price_minor
        if pending is not None:
            plan_id, interval, charged = pending.plan_id, pending.interval, pending.price_minor
        plan = SubscriptionPlan.objects.get(cluster_id=subscription.cluster_id, id=plan_id)
        terms = _terms(subscription, plan, interval, charged, now)
        if terms is None:
            return
        if pending is not None:
            begins = subscription.current_period_end
            terms |= coupon_terms(subscription=subscription, plan=plan, at=begins)
        try:
            record_call(
                actor=actor,
                user_id=subscription.user_id,
                subscription_id=subscription.id,
                act=Act.CHANGE if pending is None else Act.SCHEDULE,
                terms=terms,
                by_job=True,
                now=now,
            )
        except ChangeUnderWay:
            log.info("stripe_price_waits", subscription=str(subscription.id))


def _terms(
    subscription: Subscription, plan: SubscriptionPlan, interval: str, charged: int, now: datetime
) -> dict[str, Any] | None:
    """What is asked: the price from the next period on, nothing now. None where it is what is charged anyway."""
    ends = subscription.current_period_end
    try:
        price = queries.agreed_price(
            user_id=subscription.user_id, plan=plan, interval=interval, currency=subscription.currency, now=ends
        )
    except CurrencyNotOffered:
        return None
    if price.minor == charged or not price.minor:
        return None  # what costs nothing is not left to Stripe: it is cancelled, and the free plan chosen
    return {
        "plan_id": str(plan.id),
        "interval": interval,
        "price_minor": price.minor,
        "currency": subscription.currency,
        "applies_at": ends.isoformat(),
        "proration_date": now.isoformat(),
        "tax": tax_terms(user_id=subscription.user_id),
        "anew": False,
        "quietly": True,
        "again": True,
    }
