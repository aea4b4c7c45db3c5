"""The one coupon that counts at Stripe: the same as by the rules of plans that are paid by transfer.

At Stripe a subscription has one discount, the newest that still counts and is for its plan. Where an older one counts again
after it, Stripe is told so before the next invoice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from clustr.kit.actor import Actor
from clustr.subscriptions import queries
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.models import Coupon, StripeCall, Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import ChangeUnderWay
from clustr.subscriptions.states import Act, CallState
from clustr.subscriptions.types import Duration

log = structlog.get_logger(__name__)

_SAYS_WHICH = (Act.CHECKOUT, Act.SUBSCRIBE, Act.COUPON, Act.CHANGE)


def coupon_for(*, subscription: Subscription, plan: SubscriptionPlan, at: datetime) -> Coupon | None:
    """The coupon that lowers an invoice for this plan made at this instant: the newest that still counts and is for it."""
    found = queries.redemption_in_force(subscription=subscription, at=at, plan=plan)
    return found[1] if found else None


def coupon_terms(*, subscription: Subscription, plan: SubscriptionPlan, at: datetime) -> dict[str, str]:
    """What another plan from `at` on means for the coupon at Stripe: nothing where it was told so last, else which takes the
    place of that, or none."""
    wanted = coupon_for(subscription=subscription, plan=plan, at=at)
    return {} if _id_of(wanted) == _told_last(subscription) else {"coupon_id": _id_of(wanted)}


def keep_coupon(*, actor: Actor, subscription: Subscription, now: datetime) -> None:
    """Tell Stripe which coupon counts for the next invoice, its customer locked, where it is not the one it was told last.
    Harmless to repeat."""
    last = _said_last(subscription)
    if last is None:
        return
    plan = queries.plan_of(subscription=subscription)
    wanted = coupon_for(subscription=subscription, plan=plan, at=subscription.current_period_end)
    if _id_of(wanted) == last.terms["coupon_id"] or (wanted is None and _ends_by_itself(last, plan)):
        return
    terms: dict[str, Any] = {"coupon_id": _id_of(wanted), "again": True}
    try:
        record_call(
            actor=actor,
            user_id=subscription.user_id,
            subscription_id=subscription.id,
            act=Act.COUPON,
            terms=terms,
            by_job=True,
            now=now,
        )
    except ChangeUnderWay:
        log.info("stripe_coupon_waits", subscription=str(subscription.id))  # it is looked at again after that


def _id_of(coupon: Coupon | None) -> str:
    return str(coupon.id) if coupon else ""


def _said_last(subscription: Subscription) -> StripeCall | None:
    """The request that told Stripe last which coupon counts. What the rules say now may be another: an older one counts again
    when a newer one is used up, and Stripe is not told before it matters there."""
    said = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        act__in=_SAYS_WHICH,
        terms__has_key="coupon_id",
    ).exclude(state__in=(CallState.REFUSED, CallState.DROPPED))
    return said.order_by("-id").first()


def _told_last(subscription: Subscription) -> str:
    last = _said_last(subscription)
    return str(last.terms["coupon_id"]) if last is not None else ""


def _ends_by_itself(said: StripeCall, plan: SubscriptionPlan) -> bool:
    """Whether what was told last counts no longer at Stripe either: it was for one invoice, or its months began with it."""
    coupon = Coupon.objects.get(cluster_id=said.cluster_id, id=UUID(said.terms["coupon_id"]))
    if coupon.plan_code not in ("", plan.code):
        return False
    return coupon.duration == Duration.ONCE or not (said.terms.get("again") or said.act == Act.CHANGE)
