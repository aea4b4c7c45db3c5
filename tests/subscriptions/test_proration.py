"""Prorations are those of real invoices, to the minor unit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.kit.money import Money
from clustr.subscriptions.pricing import change_lines, discount_on, prorate, rounded, split_by_sign, totals
from clustr.subscriptions.types import Discount, Kept, LineKind, Period
from tests.sandbox.rig import SHARED
from tests.subscriptions.vectors import PRORATIONS

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FACTS = SHARED / "facts" / "proration-vectors.json"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def epoch(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def of(price: int, discount: int, start: int, end: int, at: int) -> int:
    return prorate(price=usd(price - discount), period=Period(epoch(start), epoch(end)), at=epoch(at)).minor


def lines_of(old: int, new: int, start: str, end: str, at: str, kept: Kept = Kept.PERIOD) -> list[int]:
    period = Period(instant(start), instant(end))
    new_period = period if kept is Kept.PERIOD else Period(instant(at), instant(end) + timedelta(days=31))
    lines = change_lines(
        old=("Basic", usd(old)),
        new=("Pro", usd(new)),
        period=period,
        new_period=new_period,
        kept=kept,
        at=instant(at),
        tax_basis_points=0,
    )
    return [line.amount.minor for line in lines]


@pytest.mark.parametrize("vector", PRORATIONS, ids=lambda vector: vector[0])
def test_it_works(vector: tuple[str, int, int, int, int, int, int]) -> None:
    _, price, discount, start, end, at, expected = vector
    assert of(price, discount, start, end, at) == abs(expected)


@pytest.mark.skipif(not FACTS.exists(), reason="needs the shared folder")
def test_every_figure_that_was_found_is_in_our_table() -> None:
    found = {row["id"]: row for row in json.loads(FACTS.read_text())}
    ours = {vector[0]: vector for vector in PRORATIONS}
    assert set(found) - set(ours) == {"L12"}
    fields = ("price_minor", "discount_minor", "period_start", "period_end", "at", "expected_minor")
    for id, vector in ours.items():
        assert vector[1:] == tuple(found[id][field] for field in fields)


def test_a_period_that_is_half_open_gives_half() -> None:
    """L12: Lago charges 16 days of a period that it divides by 30 and counts as 31."""
    assert of(3000, 0, 1661904000, 1664496000, 1663200000) == 1500


def test_half_a_minor_unit_goes_away_from_zero() -> None:
    assert [rounded(Fraction(n, 2)) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
    assert [rounded(Fraction(n, 3)) for n in (-5, -4, -2, -1, 1, 2, 4, 5)] == [-2, -1, -1, 0, 0, 1, 1, 2]
    assert of(1, 0, 0, 2, 1) == 1


def test_outside_the_period_it_is_all_or_nothing() -> None:
    assert of(1000, 0, 100, 200, 50) == 1000
    assert of(1000, 0, 100, 200, 100) == 1000
    assert of(1000, 0, 100, 200, 200) == 0
    assert of(1000, 0, 100, 200, 250) == 0


def test_parts_of_a_second_do_not_count() -> None:
    period = Period(EPOCH + timedelta(microseconds=900_000), EPOCH + timedelta(days=1, microseconds=100_000))
    assert period.seconds == 86_400
    assert prorate(price=usd(86_400), period=period, at=EPOCH + timedelta(seconds=1, microseconds=999_999)) == usd(
        86_399
    )


def test_stripe_month_to_year_counts_from_the_old_start() -> None:
    """S4: 25.00 a month to 250.00 a year four seconds in, the anchor unchanged: 250.00 less 25.00."""
    start = epoch(1762799351)
    lines = change_lines(
        old=("Month", usd(2500)),
        new=("Year", usd(25_000)),
        period=Period(start, epoch(1765391351)),
        new_period=Period(start, epoch(1794335351)),
        kept=Kept.START,
        at=epoch(1762799355),
        tax_basis_points=0,
    )
    assert [(line.kind, line.amount.minor) for line in lines] == [
        (LineKind.UNUSED_TIME, -2500),
        (LineKind.REMAINING_TIME, 25_000),
    ]
    assert totals(lines=lines, currency="USD").total == usd(22_500)


def test_a_new_period_now_is_charged_whole() -> None:
    """S5: with the anchor reset the new price is no proration, and what is unused is credited."""
    at = epoch(1762799256)
    lines = change_lines(
        old=("Month", usd(2500)),
        new=("Year", usd(25_000)),
        period=Period(epoch(1762799253), epoch(1765391253)),
        new_period=Period(at, epoch(1794335256)),
        kept=Kept.NOTHING,
        at=at,
        tax_basis_points=0,
    )
    assert [(line.kind, line.amount.minor) for line in lines] == [
        (LineKind.UNUSED_TIME, -2500),
        (LineKind.PLAN, 25_000),
    ]


def test_several_changes_in_one_period() -> None:
    """Polar: 100 -> 200 -> 300 -> 400 on days 6, 12 and 18 of 30."""
    june = ("2025-06-01", "2025-07-01")
    assert lines_of(10_000, 20_000, *june, "2025-06-07") == [-8000, 16_000]
    assert lines_of(20_000, 30_000, *june, "2025-06-13") == [-12_000, 18_000]
    assert lines_of(30_000, 40_000, *june, "2025-06-19") == [-12_000, 16_000]


def test_changing_there_and_back_costs_nothing() -> None:
    """K1, K2: annual 2,399.95 to monthly 249.95 leaves credit, and the change back gives exactly the opposite lines."""
    may = ("2012-05-01", "2012-06-01", "2012-05-11")
    there, back = lines_of(24_995, 9_995, *may), lines_of(9_995, 24_995, *may)
    assert sum(there) + sum(back) == 0


def test_less_than_nothing_is_a_credit_note() -> None:
    """C1: 60 to 30 on day 21 of 30 gives back 20 and charges 10."""
    period = Period(instant("2012-04-01"), instant("2012-05-01"))
    lines = change_lines(
        old=("Big", usd(6000)),
        new=("Small", usd(3000)),
        period=period,
        new_period=period,
        kept=Kept.PERIOD,
        at=instant("2012-04-21"),
        tax_basis_points=750,
    )
    invoice, note = split_by_sign(lines=lines, currency="USD")
    assert not invoice
    assert [line.amount.minor for line in note] == [2000, -1000]
    assert totals(lines=note, currency="USD").total == usd(1075)


def test_a_fixed_discount_is_spread_before_prorating() -> None:
    """Polar: 90.00 off [100, 200] is [30, 60], off [300, 200] is [54, 36]; at half of the period 35, 70; 123, 82."""
    ninety = Discount(amount=usd(9000))
    assert discount_on(discount=ninety, prices=[usd(10_000), usd(20_000)]) == [usd(3000), usd(6000)]
    assert discount_on(discount=ninety, prices=[usd(30_000), usd(20_000)]) == [usd(5400), usd(3600)]
    half = Period(EPOCH, EPOCH + timedelta(days=30))
    at = EPOCH + timedelta(days=15)
    credits = [prorate(price=usd(p), period=half, at=at).minor for p in (10_000 - 3000, 20_000 - 6000)]
    debits = [prorate(price=usd(p), period=half, at=at).minor for p in (30_000 - 5400, 20_000 - 3600)]
    assert (credits, debits) == ([3500, 7000], [12_300, 8200])


@given(
    st.integers(0, 10**9),
    st.integers(1, 10**8),
    st.data(),
)
def test_what_was_used_and_what_is_left_are_the_price(price: int, seconds: int, data: st.DataObject) -> None:
    """To within one minor unit, for both are rounded; and later is never more."""
    first = data.draw(st.integers(0, seconds))
    later = data.draw(st.integers(first, seconds))
    assert of(price, 0, 0, seconds, first) >= of(price, 0, 0, seconds, later)
    used = rounded(Fraction(price * first, seconds))
    assert abs(used + of(price, 0, 0, seconds, first) - price) <= 1
