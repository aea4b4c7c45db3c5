"""What usage costs, what a coupon takes off, and what tax comes on top."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.kit.money import Money
from clustr.subscriptions.pricing import (
    charge_for_usage,
    crossed,
    discount_on,
    monthly_recurring,
    overage,
    tax_of_lines,
    totals,
)
from clustr.subscriptions.types import (
    MONTHLY,
    YEARLY,
    Cycle,
    Discount,
    Line,
    LineKind,
    Pricing,
    Tier,
    Unit,
    UsagePrice,
)

D = Decimal


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def line(minor: int, tax: int = 0, *, discountable: bool = True) -> Line:
    return Line(LineKind.PLAN, "Pro", usd(minor), tax_basis_points=tax, discountable=discountable)


GRADUATED = UsagePrice(
    Pricing.GRADUATED,
    (Tier(D(10), D(1000), D(200)), Tier(D(20), D(500), D(300)), Tier(None, D(500), D(300))),
)
VOLUME = UsagePrice(Pricing.VOLUME, (Tier(D(100), D(200), D(1000)), Tier(D(200), D(100)), Tier(None, D(50), D(5000))))
SEATS = UsagePrice(
    Pricing.GRADUATED, (Tier(D(50), D(0)), Tier(D(100), D(2000)), Tier(D(200), D(1750)), Tier(None, D(1500)))
)


@pytest.mark.parametrize(
    ("price", "used", "expected"),
    [
        *((GRADUATED, used, cost) for used, cost in ((0, 2), (1, 12), (10, 102), (11, 110), (12, 115), (21, 163))),
        *((VOLUME, used, cost) for used, cost in ((0, 10), (1, 12), (100, 210), (101, 101), (200, 200), (300, 200))),
        (VOLUME, "100.5", "100.5"),
        (UsagePrice(Pricing.PACKAGE, (Tier(None, D(10_000)),), package_size=D(10)), 121, 1300),
        (UsagePrice(Pricing.PACKAGE, (Tier(None, D(10_000)),), D(10), D(10)), 121, 1200),
        (UsagePrice(Pricing.PACKAGE, (Tier(None, D(10_000)),), D(200), D(10)), 121, 0),
        (SEATS, 143, "1752.50"),
    ],
)
def test_it_works(price: UsagePrice, used: int | str, expected: int | str) -> None:
    """Lago's charge models, and Polar's seats (whose base price of 999.00 makes them 2,751.50)."""
    assert charge_for_usage(price=price, used=D(used), currency="USD") == usd(int(D(expected) * 100))


def test_a_part_of_a_minor_unit_is_rounded_once() -> None:
    each = UsagePrice(Pricing.GRADUATED, (Tier(None, D("0.25")),), included=D(50))
    assert [charge_for_usage(price=each, used=D(n), currency="USD").minor for n in (50, 51, 52, 53, 54)] == [
        0,
        0,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (Tier(D(5), D(1)),),
        (Tier(None, D(1)), Tier(None, D(1))),
        (Tier(D(9), D(1)), Tier(D(5), D(1)), Tier(None, D(1))),
    ],
)
def test_tiers_rise_and_end_open(tiers: tuple[Tier, ...]) -> None:
    with pytest.raises(ValueError, match="tiers rise"):
        UsagePrice(Pricing.VOLUME, tiers)


def test_overage_begins_beyond_the_limit_and_the_packs() -> None:
    assert overage(used=D(50), limit=D(50)) == 0
    assert overage(used=D(51), limit=D(50)) == 1
    assert overage(used=D(80), limit=D(50), packs=D(20)) == 10


def test_thresholds_are_told_once_and_together() -> None:
    """Lago: usage from 10 to 30 crosses 15 and 30, which counts when it is reached."""
    steps = [D(n) for n in (15, 30, 50, 1230)]
    assert crossed(previous=D(10), current=D(30), thresholds=steps) == [D(15), D(30)]
    assert crossed(previous=D(30), current=D(49), thresholds=steps) == []


def test_a_coupon_of_a_tenth() -> None:
    """Stripe, recorded: 25.00 with 10 % off: the subtotal stays, 2.50 is taken off."""
    sums = totals(lines=[line(2500)], currency="USD", discount=Discount(1000))
    assert (sums.subtotal, sums.discount, sums.total) == (usd(2500), usd(250), usd(2250))


def test_a_coupon_is_spread_and_tax_follows() -> None:
    """Lago: 100, 50, 30 and 20 at 10, 0, 20 and 20 %; 10 off is 5, 2.50, 1.50 and 1; tax 19; 209 in all."""
    lines = [line(10_000, 1000), line(5000, 0), line(3000, 2000), line(2000, 2000)]
    sums = totals(lines=lines, currency="USD", discount=Discount(amount=usd(1000)))
    assert [d.minor for d in sums.discounts] == [500, 250, 150, 100]
    assert [t.minor for t in tax_of_lines(sums=sums)] == [950, 0, 570, 380]
    assert (sums.tax, sums.total) == (usd(1900), usd(20_900))


def test_a_coupon_of_more_than_there_is() -> None:
    sums = totals(lines=[line(500, 750)], currency="USD", discount=Discount(amount=usd(10_000)))
    assert (sums.discount, sums.tax, sums.total) == (usd(500), usd(0), usd(0))


def test_what_was_prorated_is_not_discounted_again() -> None:
    sums = totals(lines=[line(1000, discountable=False), line(1000)], currency="USD", discount=Discount(5000))
    assert [d.minor for d in sums.discounts] == [0, 500]


def test_taxes() -> None:
    """VAT of Nigeria, 7.5 % of NGN 22,000.00; and 8.25 % of 100.00."""
    assert totals(lines=[line(2_200_000, 750)], currency="USD").total.minor == 2_365_000
    assert totals(lines=[line(10_000, 825)], currency="USD").total.minor == 10_825


@pytest.mark.parametrize(
    ("price", "cycle", "expected"),
    [
        (30_000, Cycle(Unit.MONTH, 3), 10_000),
        (240_000, Cycle(Unit.YEAR, 2), 10_000),
        (5000, Cycle(Unit.WEEK, 2), 10_833),
        (10_000, MONTHLY, 10_000),
        (100_000, YEARLY, 8333),
    ],
)
def test_monthly_recurring(price: int, cycle: Cycle, expected: int) -> None:
    assert monthly_recurring(price=usd(price), cycle=cycle) == usd(expected)


@pytest.mark.parametrize(("share", "amount"), [(0, None), (100, usd(1)), (10_001, None), (-1, None), (0, usd(0))])
def test_a_discount_is_one_thing(share: int, amount: Money | None) -> None:
    with pytest.raises(ValueError, match="discount"):
        Discount(share, amount)


LINES = st.lists(
    st.builds(
        line, st.integers(-(10**9), 10**9), st.sampled_from((0, 500, 750, 825, 2000)), discountable=st.booleans()
    ),
    max_size=8,
)
DISCOUNTS = (
    st.none()
    | st.builds(Discount, st.integers(1, 10_000))
    | st.integers(1, 10**9).map(lambda minor: Discount(amount=usd(minor)))
)


@given(LINES, DISCOUNTS)
def test_sums_agree_with_their_parts(lines: list[Line], discount: Discount | None) -> None:
    sums = totals(lines=lines, currency="USD", discount=discount)
    shares = tax_of_lines(sums=sums)
    assert sums.total == sums.subtotal - sums.discount + sums.tax
    assert sum(share.minor for share in shares) == sums.tax.minor
    for one, off, share in zip(sums.lines, sums.discounts, shares, strict=True):
        net = (one.amount - off).minor
        assert 0 <= off.minor <= max(one.amount.minor, 0)
        assert abs(share.minor * 10_000 - net * one.tax_basis_points) < 10_000
    taxable = sum(max(one.amount.minor, 0) for one in lines if one.discountable)
    if discount and discount.amount:
        assert sums.discount.minor == min(discount.amount.minor, taxable)


@given(st.integers(1, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_fixed_discount_is_taken_whole(off: int, prices: list[int]) -> None:
    taken = discount_on(discount=Discount(amount=usd(off)), prices=[usd(price) for price in prices])
    assert sum(one.minor for one in taken) == min(off, sum(prices))
    assert all(0 <= one.minor <= price for one, price in zip(taken, prices, strict=True))
