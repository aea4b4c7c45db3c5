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


def coupon_terms(*, subscription: Subscription, plan: SubscriptionPlan, at: datetime, now: datetime) -> dict[str, str]:
    """What another plan from `at` on means for the coupon at Stripe: nothing where the same one counts for both, else which
    takes its place, or none."""
    held = coupon_for(subscription=subscription, plan=queries.plan_of(subscription=subscription), at=now)
    wanted = coupon_for(subscription=subscription, plan=plan, at=at)
    return {} if held == wanted else {"coupon_id": str(wanted.id) if wanted else ""}


def keep_coupon(*, actor: Actor, subscription: Subscription, now: datetime) -> None:
    """Tell Stripe which coupon counts for the next invoice, its customer locked, where it is not the one it was told last.
    Harmless to repeat."""
    said = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        act__in=_SAYS_WHICH,
        terms__has_key="coupon_id",
    ).exclude(state__in=(CallState.REFUSED, CallState.DROPPED))
    last = said.order_by("-id").first()
    if last is None:
        return
    plan = queries.plan_of(subscription=subscription)
    wanted = coupon_for(subscription=subscription, plan=plan, at=subscription.current_period_end)
    there = str(last.terms["coupon_id"])
    if there == (str(wanted.id) if wanted else "") or (wanted is None and _ends_by_itself(last, plan)):
        return
    terms: dict[str, Any] = {"coupon_id": str(wanted.id) if wanted else "", "again": True}
    try:
        record_call(
            actor=actor,
            user_id=subscription.user_id,
            subscription_id=subscription.id,
            act=Act.COUPON,
            terms=terms,
            now=now,
        )
    except ChangeUnderWay:
        log.info("stripe_coupon_waits", subscription=str(subscription.id))  # it is looked at again after that


def _ends_by_itself(said: StripeCall, plan: SubscriptionPlan) -> bool:
    """Whether what was told last counts no longer at Stripe either: it was for one invoice, or its months began with it."""
    coupon = Coupon.objects.get(cluster_id=said.cluster_id, id=UUID(said.terms["coupon_id"]))
    if coupon.plan_code not in ("", plan.code):
        return False
    return coupon.duration == Duration.ONCE or not said.terms.get("again")
