"""What a plan includes when it changes within a period: it is exchanged as the price is, to the second. Pure.

Only of what is charged beyond its limit. What is unused of the old limit is taken back, the rest of the new one is added,
and what was used beyond is charged with the change. So neither a minute of a large plan includes a month of it, nor is
what a larger plan included charged by a smaller one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from clustr.subscriptions.models import SubscriptionPlan
from clustr.subscriptions.pricing import charge_for_usage, overage, quantity_of, rounded
from clustr.subscriptions.types import (
    LEVELS,
    FeatureType,
    Line,
    LineKind,
    Period,
    Pricing,
    Tier,
    UsagePrice,
    seconds_between,
)

Units = dict[FeatureType, Decimal]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a change settles of usage: the lines that charge what went beyond, and how many units are included from then on
    on top of the new plan's limits (below zero: fewer than they say), packs not counted."""

    lines: list[Line]
    on_top: Units


def exchange(
    *,
    old: SubscriptionPlan,
    new: SubscriptionPlan,
    used: Units,
    packs: Units,
    on_top: Units,
    period: Period,
    at: datetime,
    currency: str,
    tax_basis_points: int,
) -> Exchange:
    """Change from one plan to another at `at`. `packs`: bought in advance; `on_top`: what earlier changes of the period left."""
    left = Fraction(min(max(seconds_between(at, period.end), 0), period.seconds), period.seconds)
    lines: list[Line] = []
    after: Units = {}
    for feature in sorted({FeatureType(name) for plan in (old, new) for name in plan.overage} - LEVELS):
        had, has = _price(old, feature, currency), _price(new, feature, currency)
        before, limit, so_far = old.limits.get(feature), new.limits.get(feature), used.get(feature, Decimal(0))
        extra = packs.get(feature, Decimal(0)) + on_top.get(feature, Decimal(0))
        if had is None and has is None:
            continue
        if before is None:
            included, beyond = so_far, Decimal(0)
        else:
            beyond = overage(used=so_far, limit=Decimal(before), packs=extra)
            included = before + extra + beyond
        charged = [(beyond, had)]
        if limit is not None:
            included += rounded((limit - (before or 0)) * left)
            missing = max(so_far - included, Decimal(0))
            charged.append((missing, had if had is not None else has))
            after[feature] = included + missing - limit - packs.get(feature, Decimal(0))
        lines += _lines(feature, charged, period, currency, tax_basis_points)
    return Exchange(lines, after)


def _price(plan: SubscriptionPlan, feature: FeatureType, currency: str) -> Decimal | None:
    text = plan.overage.get(feature, {}).get(currency)
    return None if text is None else Decimal(text)


def _lines(
    feature: FeatureType,
    charged: list[tuple[Decimal, Decimal | None]],
    period: Period,
    currency: str,
    tax_basis_points: int,
) -> list[Line]:
    """One line for each price; rounded once."""
    by_price: dict[Decimal, Decimal] = {}
    for units, each in charged:
        if units and each is not None:
            by_price[each] = by_price.get(each, Decimal(0)) + units
    lines = []
    for each, units in by_price.items():
        price = UsagePrice(Pricing.GRADUATED, (Tier(None, each),))
        charge = charge_for_usage(price=price, used=units, currency=currency)
        text = f"{units.normalize():,f} {feature.label} beyond what was included"
        quantity = quantity_of(units=units, each=each)
        line = Line(LineKind.OVERAGE, text, charge, period, quantity, tax_basis_points, discountable=False)
        lines += [line] if charge.minor else []
    return lines
