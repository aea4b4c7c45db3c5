"""What is owed: proration to the second, discounts, tax, usage, and the sums of an invoice. Pure.

One rounding rule for all of it: each line is rounded by itself to a whole minor unit, half a unit away from zero. So a
credit and a charge for the same time cancel exactly, and an invoice is the sum of its lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from clustr.kit.money import Money
from clustr.subscriptions.types import (
    Cycle,
    Discount,
    Kept,
    Line,
    LineKind,
    Period,
    Pricing,
    Unit,
    UsagePrice,
    seconds_between,
)

_BASIS = 10_000
MOST_UNITS = 10**9
"""How many units a line can count."""


def rounded(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    magnitude = abs(exact)
    whole = (2 * magnitude.numerator + magnitude.denominator) // (2 * magnitude.denominator)
    return -whole if exact < 0 else whole


def prorate(*, price: Money, period: Period, at: datetime) -> Money:
    """What a price of a whole period comes to from `at` to its end, to the second.

    Before the period it is the whole price, after it nothing.
    """
    left = min(max(seconds_between(at, period.end), 0), period.seconds)
    return Money(rounded(Fraction(price.minor * left, period.seconds)), price.currency)


def discount_on(*, discount: Discount | None, prices: Sequence[Money]) -> list[Money]:
    """How much of each price a discount takes off: a share of each, or an amount spread in proportion, to the last
    minor unit. Never more than there is."""
    if discount is None or not prices:
        return [Money(0, price.currency) for price in prices]
    if discount.amount is None:
        return [
            Money(rounded(Fraction(price.minor * discount.basis_points, _BASIS)), price.currency) for price in prices
        ]
    total = sum(price.minor for price in prices)
    if total <= 0:
        return [Money(0, price.currency) for price in prices]
    taken = min(discount.amount, Money(total, prices[0].currency))
    return taken.allocate([price.minor for price in prices])


def discounted(*, price: Money, discount: Discount | None) -> Money:
    """A price less what a discount takes off it."""
    return price - discount_on(discount=discount, prices=[price])[0]


def change_lines(
    *,
    old: tuple[str, Money],
    new: tuple[str, Money],
    period: Period,
    new_period: Period,
    kept: Kept,
    at: datetime,
    tax_basis_points: int,
    unused_tax_basis_points: int | None = None,
) -> list[Line]:
    """The lines of a plan change at `at`: what is unused of the old price is given back, what the new one comes to is
    charged. `old` and `new` are a plan's name and its price for a period, already discounted.

    `new_period`: the period the new price is of; the present one where it is kept. `unused_tax_basis_points`: the tax at
    which the old price was charged, if that is another than today's.
    """
    (old_name, old_price), (new_name, new_price) = old, new
    credit = prorate(price=old_price, period=period, at=at)
    unused_tax = tax_basis_points if unused_tax_basis_points is None else unused_tax_basis_points
    charge = new_price if kept is Kept.NOTHING else prorate(price=new_price, period=new_period, at=at)
    lines = []
    if at < period.end:
        lines.append(
            Line(
                LineKind.UNUSED_TIME,
                f"Unused time on {old_name}",
                Money(-credit.minor, credit.currency),
                Period(at, period.end),
                tax_basis_points=unused_tax,
                discountable=False,
            )
        )
    whole = kept is Kept.NOTHING
    kind = LineKind.PLAN if whole else LineKind.REMAINING_TIME
    description = new_name if whole else f"Remaining time on {new_name}"
    rest = new_period if whole else Period(at, new_period.end)
    lines.append(
        Line(kind, description, charge, rest, tax_basis_points=tax_basis_points, discountable=False),
    )
    return [line for line in lines if line.amount.minor]


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """What is taxed at one rate. `tax` is the rate of `taxable`, rounded once for all its lines (EN 16931 BR-CO-17)."""

    basis_points: int
    taxable: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of an invoice. `total` = `subtotal` - `discount` + `tax`, and negative where more is given back than
    charged. `discounts` stands beside the lines, one for each."""

    lines: tuple[Line, ...]
    discounts: tuple[Money, ...]
    subtotal: Money
    discount: Money
    taxes: tuple[TaxGroup, ...]
    tax: Money
    total: Money


def totals(*, lines: Sequence[Line], currency: str, discount: Discount | None = None) -> Totals:
    """Add up an invoice: the discount falls on the lines it may fall on, the tax on what is left, rate by rate."""
    open_to_it = [index for index, line in enumerate(lines) if line.discountable and line.amount.minor > 0]
    taken = discount_on(discount=discount, prices=[lines[index].amount for index in open_to_it])
    discounts = [Money(0, currency)] * len(lines)
    for index, amount in zip(open_to_it, taken, strict=True):
        discounts[index] = amount
    subtotal = sum((line.amount for line in lines), Money(0, currency))
    off = sum(discounts, Money(0, currency))
    by_rate: dict[int, Money] = {}
    for line, amount in zip(lines, discounts, strict=True):
        net = line.amount - amount
        by_rate[line.tax_basis_points] = by_rate.get(line.tax_basis_points, Money(0, currency)) + net
    taxes = tuple(TaxGroup(rate, net, tax_on(net=net, basis_points=rate)) for rate, net in sorted(by_rate.items()))
    tax = sum((group.tax for group in taxes), Money(0, currency))
    return Totals(tuple(lines), tuple(discounts), subtotal, off, taxes, tax, subtotal - off + tax)


def totals_by_line(*, lines: Sequence[Line], currency: str, discount: Discount | None = None) -> Totals:
    """The same with the tax of each line rounded by itself, as Stripe does it."""
    sums = totals(lines=lines, currency=currency, discount=discount)
    nets = [(line.amount - off, line.tax_basis_points) for line, off in zip(sums.lines, sums.discounts, strict=True)]
    tax = sum((tax_on(net=net, basis_points=rate) for net, rate in nets), Money(0, currency))
    return replace(sums, taxes=(), tax=tax, total=sums.subtotal - sums.discount + tax)


def tax_on(*, net: Money, basis_points: int) -> Money:
    """The tax on a net amount; negative on what is given back."""
    return Money(rounded(Fraction(net.minor * basis_points, _BASIS)), net.currency)


def tax_of_lines(*, sums: Totals) -> list[Money]:
    """The tax of each line, so that the lines of a rate add up to that rate's tax (largest remainder)."""
    shares = [Money(0, sums.tax.currency)] * len(sums.lines)
    for group in sums.taxes:
        members = [i for i, line in enumerate(sums.lines) if line.tax_basis_points == group.basis_points]
        nets = [(sums.lines[i].amount - sums.discounts[i]).minor for i in members]
        exact = [Fraction(net * group.basis_points, _BASIS) for net in nets]
        floors = [share.numerator // share.denominator for share in exact]
        missing = group.tax.minor - sum(floors)
        by_remainder = sorted(range(len(members)), key=lambda k: floors[k] - exact[k])
        extra = set(by_remainder[:missing])
        for k, index in enumerate(members):
            shares[index] = Money(floors[k] + (k in extra), sums.tax.currency)
    return shares


def charge_for_usage(*, price: UsagePrice, used: Decimal, currency: str) -> Money:
    """What so many units of a feature cost, beyond those included; rounded once."""
    return Money(rounded(exact_charge(price=price, used=used)), currency)


def quantity_of(*, units: Decimal, each: Decimal) -> int:
    """How many a line says that it charges: so many units, where each costs whole minor units; else 1, and its words say how
    many."""
    whole = units == units.to_integral_value() and each == each.to_integral_value()
    return int(units) if whole and 1 <= units <= MOST_UNITS else 1


def exact_charge(*, price: UsagePrice, used: Decimal) -> Fraction:
    """The same before rounding, in minor units."""
    charged = max(Fraction(used) - Fraction(price.included), Fraction(0))
    match price.pricing:
        case Pricing.GRADUATED:
            return _graduated(price, charged)
        case Pricing.VOLUME:
            tier = next(t for t in price.tiers if t.up_to is None or charged <= Fraction(t.up_to))
            return charged * Fraction(tier.unit_minor) + Fraction(tier.flat_minor)
        case Pricing.PACKAGE:
            packages = -(-charged // Fraction(price.package_size))
            return packages * Fraction(price.tiers[0].unit_minor)
        case never:
            assert_never(never)


def _graduated(price: UsagePrice, charged: Fraction) -> Fraction:
    total, below = Fraction(0), Fraction(0)
    for number, tier in enumerate(price.tiers):
        if number and charged <= below:
            break
        upper = charged if tier.up_to is None else min(charged, Fraction(tier.up_to))
        total += (upper - below) * Fraction(tier.unit_minor) + Fraction(tier.flat_minor)
        below = charged if tier.up_to is None else Fraction(tier.up_to)
    return total


def overage(*, used: Decimal, limit: Decimal, packs: Decimal = Decimal(0)) -> Decimal:
    """How many units lie beyond the plan's limit and the prepaid packs."""
    return max(used - limit - packs, Decimal(0))


def crossed(*, previous: Decimal, current: Decimal, thresholds: Sequence[Decimal]) -> list[Decimal]:
    """Which thresholds usage reached or passed between two counts, lowest first; each is told once."""
    return sorted(threshold for threshold in thresholds if previous < threshold <= current)


def monthly_recurring(*, price: Money, cycle: Cycle) -> Money:
    """A recurring price as of one month, for MRR: a year is 12 months, 52 weeks or 365 days. Rounded once."""
    yearly = {Unit.DAY: 365, Unit.WEEK: 52, Unit.MONTH: 12, Unit.YEAR: 1}[cycle.unit]
    return Money(rounded(Fraction(price.minor * yearly, 12 * cycle.count)), price.currency)


def split_by_sign(*, lines: Sequence[Line], currency: str) -> tuple[list[Line], list[Line]]:
    """What belongs on an invoice, and what on a credit note, its signs turned.

    Lines that together give back more than they charge are a credit note; else they are one invoice. Where what is given
    back was taxed otherwise than what is charged, each is a document of its own: a tax is given back as it was charged.
    """
    back = [replace(line, amount=Money(-line.amount.minor, currency)) for line in lines if line.amount.minor < 0]
    charged = [line for line in lines if line.amount.minor >= 0]
    if back and {line.tax_basis_points for line in back} != {line.tax_basis_points for line in charged}:
        return charged, back
    net = sum((line.amount for line in lines), Money(0, currency))
    if net.minor >= 0:
        return list(lines), []
    return [], [replace(line, amount=Money(-line.amount.minor, currency)) for line in lines]
