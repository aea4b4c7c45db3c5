"""Money: a whole number of minor units in one ISO 4217 currency. Exact; never a float."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from clustr.kit.errors import Invalid

DECIMALS = {
    **dict.fromkeys(("NGN", "KES", "GHS", "ZAR", "TZS", "EGP", "ZMW", "USD", "EUR", "GBP"), 2),
    **dict.fromkeys(("UGX", "RWF", "XOF", "XAF"), 0),
}
"""The currencies an estate may use, with the digits of their minor unit (ISO 4217)."""

SIGNS = {"NGN": "₦", "GHS": "GH₵", "GBP": "£", "EUR": "€", "USD": "$"}
"""Currencies whose sign people know."""

MAX_DIGITS = 15
MAX_MINOR = 10**MAX_DIGITS - 1
_PLAIN = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)


class InvalidAmount(Invalid):
    """The amount is not a plain decimal amount of its currency."""

    code = "invalid_amount"
    field = "amount"


class UnknownCurrency(Invalid):
    """The currency is not supported."""

    code = "unknown_currency"
    field = "currency"


class CurrencyMismatch(Invalid):
    """Amounts of different currencies do not mix."""

    code = "currency_mismatch"
    field = "currency"


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`Money(500000, "NGN")` is NGN 5,000.00. `minor` may be negative only in differences."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are whole: {self.minor!r}")
        if self.currency not in DECIMALS:
            raise UnknownCurrency("{currency} is not a supported currency.", currency=repr(self.currency))

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a decimal string in major units ("5000.00"): no sign, exponent or excess digits; at most 15 digits."""
        if currency not in DECIMALS:
            raise UnknownCurrency("{currency} is not a supported currency.", currency=repr(currency))
        match = _PLAIN.fullmatch(text) if isinstance(text, str) and len(text) <= MAX_DIGITS + 2 else None
        if match is None:
            raise InvalidAmount('Write the amount as a plain decimal string such as "5000.00".')
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > DECIMALS[currency]:
            raise InvalidAmount(
                "{currency} has {decimals} decimals; {typed} has {given}.",
                currency=currency,
                decimals=DECIMALS[currency],
                typed=repr(text),
                given=len(fraction),
            )
        if len(whole) + len(fraction) > MAX_DIGITS:
            raise InvalidAmount("An amount has at most {most} digits.", most=MAX_DIGITS)
        minor = int(whole + fraction.ljust(DECIMALS[currency], "0"))
        if minor > MAX_MINOR:
            raise InvalidAmount("An amount has at most {most} digits.", most=MAX_DIGITS)
        return cls(minor, currency)

    def __str__(self) -> str:
        """The decimal string in major units that the API speaks."""
        digits = DECIMALS[self.currency]
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def for_people(self) -> str:
        return f"{self.currency} {Decimal(self.minor).scaleb(-DECIMALS[self.currency]):,.{DECIMALS[self.currency]}f}"

    def with_sign(self) -> str:
        """For documents: "₦5,000.00", "−₦5,000.00"; the code where no sign is in use: "KES 5,000.00"."""
        text = Money(abs(self.minor), self.currency).for_people()
        sign = SIGNS.get(self.currency)
        plain = text if sign is None else sign + text.removeprefix(self.currency).lstrip()
        return f"\u2212{plain}" if self.minor < 0 else plain

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch("{one} does not mix with {other}.", one=self.currency, other=other.currency)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def split(self, parts: int) -> list[Money]:
        """Equal shares, the leftover minor units going to the first ones. Their sum is this amount."""
        return self.allocate([1] * parts)

    def allocate(self, weights: Sequence[int]) -> list[Money]:
        """Shares in proportion to whole weights by the largest-remainder method. Their sum is this amount."""
        total = sum(weights)
        if not weights or total <= 0 or min(weights) < 0:
            raise ValueError("weights must be whole, not negative, and sum to more than 0")
        shares = [divmod(self.minor * weight, total) for weight in weights]
        missing = self.minor - sum(share for share, _ in shares)
        by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
        extra = set(by_remainder[:missing])
        return [Money(share + (index in extra), self.currency) for index, (share, _) in enumerate(shares)]
