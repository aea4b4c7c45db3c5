"""Amounts and instants as people of a place write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from clustr.kit.locales import DEFAULT_LOCALE, LOCALES, amount_for_people, instant_for_people
from clustr.kit.money import DECIMALS, Money

NOON = datetime(2027, 2, 28, 22, 59, tzinfo=UTC)
LAGOS = ZoneInfo("Africa/Lagos")


@pytest.mark.parametrize(
    ("locale", "amount", "instant"),
    [
        ("en-NG", "₦1,234,567.50", "28 February 2027, 23:59 WAT"),
        ("en-GB", "₦1,234,567.50", "28 February 2027, 23:59 WAT"),
        ("en-ZA", "₦1\xa0234\xa0567,50", "28 February 2027, 23:59 WAT"),
        ("en-US", "₦1,234,567.50", "February 28, 2027, 11:59 PM WAT"),
    ],
)
def test_it_works(locale: str, amount: str, instant: str) -> None:
    assert amount_for_people(Money(123_456_750, "NGN"), locale=locale) == amount
    assert instant_for_people(NOON, zone=LAGOS, locale=locale) == instant


def test_without_a_fraction_and_at_midnight() -> None:
    assert amount_for_people(Money(1_500, "UGX"), locale="en-ZA") == "UGX 1\xa0500"
    midnight = datetime(2027, 2, 28, 23, 0, tzinfo=UTC)
    assert instant_for_people(midnight, zone=LAGOS, locale="en-US") == "March 1, 2027, 12:00 AM WAT"


@pytest.mark.parametrize("minor", [0, 5, 99, 100, 99_999, 10**15 - 1, -5_000])
def test_the_default_is_how_pages_write_amounts(minor: int) -> None:
    for currency in DECIMALS:
        amount = Money(minor, currency)
        assert amount_for_people(amount, locale=DEFAULT_LOCALE) == amount.with_sign()
    digits = {locale: amount_for_people(Money(minor, "NGN"), locale=locale) for locale in LOCALES}
    assert len({"".join(c for c in text if c.isdigit()) for text in digits.values()}) == 1
