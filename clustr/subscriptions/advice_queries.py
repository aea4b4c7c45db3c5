"""Which plan would cost a customer least for what they use, and what who is about to go is offered instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.models import Coupon, Redemption, Subscription, SubscriptionPlan, Usage
from clustr.subscriptions.policies import overage_lines, refuse_coupon
from clustr.subscriptions.refusals import CouponNotValid, CurrencyNotOffered
from clustr.subscriptions.types import LEVELS, NEVER_WITHHELD, CancelReason, FeatureType
from clustr.subscriptions.usage_queries import own_subscription

LOOKED_BACK = 3
"""How many billing periods, with the one under way, advice rests on."""
_CHEAPER_HELPS = frozenset({CancelReason.TOO_EXPENSIVE, CancelReason.NOT_USED})
_COUPON_HELPS = frozenset({CancelReason.TOO_EXPENSIVE, CancelReason.OTHER})


@dataclass(frozen=True, slots=True)
class PlanCost:
    """What a plan would cost for a period with the customer's own usage, net of tax and before coupons: its price and what
    goes beyond its limits. `fits`: no limit that stops would be passed. `lacks`: features of the present plan it has not."""

    code: str
    name: str
    cost: Money
    fits: bool
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanAdvice:
    """The present plan and every plan on offer, the cheapest first. `best`: the cheapest that fits and costs less than the
    present one; None where there is none. `usage`: what it rests on, the most in a period of late."""

    interval: str
    present: PlanCost
    options: list[PlanCost]
    best: PlanCost | None
    usage: dict[FeatureType, Decimal]


@dataclass(frozen=True, slots=True)
class SaveOffer:
    """What is offered to who is about to go: a cheaper plan, or a coupon's code and name; None where there is nothing."""

    cheaper: PlanCost | None
    coupon: str
    coupon_name: str


def advise_plan(*, actor: Actor, subscription_id: UUID, now: datetime) -> PlanAdvice:
    """Compare the plans on offer by the customer's own usage, for the interval they have. Of one's own, or for platform
    staff anybody's. Refuses `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        usage = _most_used(subscription)
        plan = queries.plan_of(subscription=subscription)
        present = _cost(subscription, plan, subscription.price, plan, usage)
        options = []
        for offered in queries.offered_plans():
            try:
                price = queries.agreed_price(
                    user_id=subscription.user_id,
                    plan=offered,
                    interval=subscription.interval,
                    currency=subscription.currency,
                    now=now,
                )
            except CurrencyNotOffered:
                continue
            options.append(_cost(subscription, offered, price, plan, usage))
    options.sort(key=lambda option: (option.cost.minor, option.code))
    best = next((option for option in options if option.fits and option.cost < present.cost), None)
    return PlanAdvice(subscription.interval, present, options, best, usage)


def save_offer(*, actor: Actor, subscription_id: UUID, reason: CancelReason, now: datetime) -> SaveOffer:
    """What a customer is offered before they cancel for this reason. Refuses `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        cheaper = None
        if reason in _CHEAPER_HELPS:
            cheaper = advise_plan(actor=actor, subscription_id=subscription_id, now=now).best
        coupon = _coupon_for(subscription, now) if reason in _COUPON_HELPS else None
    return SaveOffer(cheaper, coupon.code if coupon else "", coupon.name if coupon else "")


def _most_used(subscription: Subscription) -> dict[FeatureType, Decimal]:
    """The most that was used of each feature in one of the last periods, or is in use."""
    mine = Usage.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
    starts = mine.filter(level=False).order_by("-starts_at").values_list("starts_at", flat=True).distinct()
    late = (mine.filter(level=False, starts_at__in=list(starts[:LOOKED_BACK])) | mine.filter(level=True)).values(
        "feature_type"
    )
    return {FeatureType(row["feature_type"]): row["most"] for row in late.annotate(most=Max("used"))}


def _cost(
    subscription: Subscription,
    plan: SubscriptionPlan,
    price: Money,
    present: SubscriptionPlan,
    usage: dict[FeatureType, Decimal],
) -> PlanCost:
    currency = subscription.currency
    beyond = overage_lines(
        plan=plan, used=usage, packs={}, period=subscription.period, currency=currency, tax_basis_points=0
    )
    cost = sum((line.amount for line in beyond), price)
    stops = [
        feature
        for feature, used in usage.items()
        if feature not in NEVER_WITHHELD
        and (limit := plan.limits.get(feature)) is not None
        and (used > limit or (used == limit > 0 and feature not in LEVELS))
        and plan.overage.get(feature, {}).get(currency) is None
    ]
    lacks = tuple(feature for feature in present.features if feature not in plan.features)
    return PlanCost(plan.code, plan.name, cost, not stops, lacks)


def _coupon_for(subscription: Subscription, now: datetime) -> Coupon | None:
    """The coupon of SUBSCRIPTION_SAVE_COUPON, if this customer may use it still."""
    code = settings.ENV.SUBSCRIPTION_SAVE_COUPON.strip().upper()
    coupon = Coupon.objects.filter(cluster_id=subscription.cluster_id, code=code).first() if code else None
    if coupon is None or not subscription.price_minor:
        return None
    if coupon.max_redemptions is not None and coupon.redeemed >= coupon.max_redemptions:
        return None
    used = Redemption.objects.filter(
        cluster_id=subscription.cluster_id, coupon_id=coupon.id, user_id=subscription.user_id
    )
    kind = coupon.needs_verification
    verified = bool(kind) and queries.is_verified(user_id=subscription.user_id, kind=kind, now=now)
    try:
        plan = queries.plan_of(subscription=subscription)
        refuse_coupon(coupon=coupon, plan=plan, currency=subscription.currency, verified=verified, now=now)
    except CouponNotValid:
        return None
    return None if used.exists() else coupon
