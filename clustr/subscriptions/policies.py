"""Rules of plans and coupons without a database."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from clustr.kit.money import Money
from clustr.subscriptions.catalogue import PackTerms
from clustr.subscriptions.models import Coupon, Redemption, Subscription, SubscriptionPlan
from clustr.subscriptions.pricing import charge_for_usage, discounted, monthly_recurring, overage, quantity_of
from clustr.subscriptions.refusals import CouponNotValid, CurrencyNotOffered
from clustr.subscriptions.states import BILLED, Collection, SubscriptionStatus
from clustr.subscriptions.types import (
    MONTHLY,
    YEARLY,
    Cycle,
    Discount,
    Duration,
    FeatureType,
    Kept,
    Line,
    LineKind,
    Period,
    Pricing,
    Tier,
    UsagePrice,
)
from clustr.subscriptions.vendors.registry import stripe_is_on

CYCLES = {"month": MONTHLY, "year": YEARLY}


def cycle_of(interval: str) -> Cycle:
    return CYCLES[interval]


def price_of(*, plan: SubscriptionPlan, interval: str, currency: str) -> Money:
    """What the plan costs for an interval in a currency; a free plan costs nothing in any. Refuses CurrencyNotOffered."""
    own = plan.price_monthly if interval == "month" else plan.price_yearly
    if currency == plan.currency or (plan.price_monthly == 0 and plan.price_yearly == 0 and not plan.prices):
        return Money(own, currency)
    if currency not in plan.prices:
        raise CurrencyNotOffered("{plan} has no price in {currency}.", plan=plan.name, currency=currency)
    return Money(plan.prices[currency][interval], currency)


def rank_of(*, plan: SubscriptionPlan, interval: str, currency: str) -> tuple[int, bool]:
    """By which plans are compared: the larger costs more by the month, and of the same plan a year is more."""
    return price_of(plan=plan, interval="month", currency=currency).minor, interval == "year"


def kept_by(*, subscription: Subscription, interval: str) -> Kept:
    """What a change at once does to the period under way: it goes on, unless its length changes or it was free."""
    same = subscription.interval == interval and subscription.price_minor > 0
    return Kept.PERIOD if same else Kept.NOTHING


def recurring(*, subscription: Subscription, discount: Discount | None) -> Money:
    """What a subscription brings in a month, again and again: nothing in a trial or once it has lapsed or ended."""
    if subscription.status not in BILLED:
        return Money(0, subscription.currency)
    price = discounted(price=subscription.price, discount=discount)
    return monthly_recurring(price=price, cycle=subscription.cycle)


def discount_of(*, coupon: Coupon) -> Discount:
    """What a coupon takes off."""
    if coupon.amount_minor:
        return Discount(amount=Money(coupon.amount_minor, coupon.currency))
    return Discount(coupon.basis_points)


def in_force(*, coupon: Coupon, redemption: Redemption, plan: SubscriptionPlan, at: datetime) -> bool:
    """Whether a redeemed coupon lowers an invoice for this plan made at this instant."""
    if coupon.plan_code not in ("", plan.code):
        return False
    if coupon.duration == Duration.ONCE:
        return redemption.used_at is None
    return redemption.ends_at is None or at < redemption.ends_at


def refuse_coupon(
    *, coupon: Coupon | None, plan: SubscriptionPlan, currency: str, verified: bool, now: datetime
) -> None:
    """Whether a coupon may be used for this plan now; who verified the customer is asked by the caller."""
    if (
        coupon is None
        or not coupon.is_active
        or (coupon.expires_at is not None and now >= coupon.expires_at)
        or (coupon.plan_code and coupon.plan_code != plan.code)
        or (coupon.amount_minor and coupon.currency != currency)
        or (coupon.needs_verification and not verified)
    ):
        raise CouponNotValid


def ceiling_of(*, plan: SubscriptionPlan, feature: FeatureType, currency: str, packs: Decimal) -> Decimal | None:
    """Beyond how many units nothing more is counted; None where there is no limit, or what is beyond it is charged."""
    limit = plan.limits.get(feature)
    if limit is None or plan.overage.get(feature, {}).get(currency) is not None:
        return None
    return Decimal(limit) + packs


SELLING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING)
"""On top of what units are sold: what owes for its plan pays that first."""


def sells_packs(*, subscription: Subscription) -> bool:
    """Whether units can be bought in advance on top of a subscription: one that runs, paid by card, where Stripe is on."""
    by_card = stripe_is_on() and subscription.collection == Collection.STRIPE
    return by_card and subscription.status in SELLING


def offers_pack(*, plan: SubscriptionPlan, currency: str, pack: PackTerms) -> bool:
    """Whether units can be bought in advance on top of a plan: of what it limits, and where they have a price."""
    return plan.limits.get(pack.feature) is not None and currency in pack.prices


def overage_lines(
    *,
    plan: SubscriptionPlan,
    used: dict[FeatureType, Decimal],
    packs: dict[FeatureType, Decimal],
    period: Period,
    currency: str,
    tax_basis_points: int,
) -> list[Line]:
    """What was used beyond the limits in a period, charged by the unit; rounded once for each feature."""
    lines = []
    for feature, amount in sorted(used.items()):
        limit, each = plan.limits.get(feature), plan.overage.get(feature, {}).get(currency)
        if limit is None or each is None:
            continue
        included = Decimal(limit) + packs.get(feature, Decimal(0))
        beyond = overage(used=amount, limit=included)
        price = UsagePrice(Pricing.GRADUATED, (Tier(None, Decimal(each)),))
        charge = charge_for_usage(price=price, used=beyond, currency=currency)
        if charge.minor:
            lines.append(
                Line(
                    LineKind.OVERAGE,
                    f"{beyond.normalize():,f} {feature.label} beyond the {included.normalize():,f} included",
                    charge,
                    period,
                    quantity_of(units=beyond, each=Decimal(each)),
                    tax_basis_points,
                    discountable=False,
                )
            )
    return lines


def tax_rates(text: str) -> dict[str, int]:
    """Read SUBSCRIPTION_TAX_RATES: `NG:750,GH:1500`, basis points by country."""
    rates = {}
    for part in filter(None, map(str.strip, text.split(","))):
        country, points = part.split(":")
        rates[country] = int(points)
    return rates
