"""Money is exact: what is shared out adds up to what was there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.kit.money import DECIMALS, MAX_MINOR, CurrencyMismatch, InvalidAmount, Money, UnknownCurrency

currencies = st.sampled_from(sorted(DECIMALS))
amounts = st.builds(Money, st.integers(0, MAX_MINOR), currencies)
differences = st.builds(Money, st.integers(-MAX_MINOR, MAX_MINOR), currencies)
weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any)


def test_it_works() -> None:
    assert [str(share) for share in Money(100_000, "NGN").split(3)] == ["333.34", "333.33", "333.33"]
    assert Money.parse("5000.00", "NGN") == Money(500_000, "NGN")
    assert Money(500_000, "NGN").for_people() == "NGN 5,000.00"
    assert Money.parse("5000", "UGX") == Money(5000, "UGX")


@given(differences, st.integers(1, 60))
def test_equal_shares_add_up_and_differ_by_one_unit_at_most(amount: Money, parts: int) -> None:
    shares = amount.split(parts)
    assert sum(share.minor for share in shares) == amount.minor
    assert len(shares) == parts
    assert max(shares, key=lambda share: share.minor).minor - min(shares, key=lambda share: share.minor).minor <= 1


@given(differences, weights)
def test_weighted_shares_add_up_and_stay_within_one_unit_of_exact(amount: Money, by: list[int]) -> None:
    shares = amount.allocate(by)
    assert sum(share.minor for share in shares) == amount.minor
    for share, weight in zip(shares, by, strict=True):
        exact = Decimal(amount.minor) * weight / sum(by)
        assert abs(Decimal(share.minor) - exact) < 1
        assert weight or not share.minor


@given(amounts)
def test_what_is_written_is_read_back(amount: Money) -> None:
    assert Money.parse(str(amount), amount.currency) == amount


@given(st.text(max_size=20))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        amount = Money.parse(text, "NGN")
    except InvalidAmount:
        return
    assert Decimal(text) == Decimal(amount.minor) / 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 5",
        "5 ",
        "-5",
        "+5",
        "1e3",
        "5.",
        ".5",
        "05",
        "5.001",
        "5,000",
        "NaN",
        "Infinity",
        "٥",
        "1" * 16,
        "0x5",
        "5\n",
    ],
)
def test_amounts_that_are_not_plain_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        Money.parse(text, "NGN")


@pytest.mark.parametrize("text", ["5.0", "5.00"])
def test_decimals_a_currency_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        Money.parse(text, "UGX")


@pytest.mark.parametrize("value", [1.0, Decimal(1), True, "1"])
def test_minor_units_are_whole_numbers(value: object) -> None:
    with pytest.raises(TypeError):
        Money(value, "NGN")  # type: ignore[arg-type]


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        Money(1, "XXX")
    with pytest.raises(UnknownCurrency):
        Money.parse("1", "XXX")


def test_currencies_do_not_mix() -> None:
    naira, dollar = Money(1, "NGN"), Money(1, "USD")
    for mixed in (lambda: naira + dollar, lambda: naira - dollar, lambda: naira < dollar, lambda: naira <= dollar):
        with pytest.raises(CurrencyMismatch):
            mixed()


def test_arithmetic_and_order() -> None:
    assert Money(3, "NGN") + Money(4, "NGN") == Money(7, "NGN")
    assert Money(3, "NGN") - Money(4, "NGN") == Money(-1, "NGN")
    assert Money(3, "NGN") < Money(4, "NGN") <= Money(4, "NGN")


@pytest.mark.parametrize("by", [[], [0, 0], [-1, 2]])
def test_shares_need_weights(by: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(1, "NGN").allocate(by)
