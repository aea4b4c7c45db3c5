"""Reading a provider's answer without trusting it: typed fields, exact money, instants, and what may be kept of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from clustr.kit.errors import Refusal
from clustr.kit.money import DECIMALS, MAX_MINOR, Money
from clustr.kit.outbound import OutcomeUnknown

_LONGEST_TEXT = 200
_HIDDEN = re.compile(
    r"\S+@\S+"  # e-mail addresses, also half hidden ones
    r"|\b(?:sk|pk)_(?:test|live)_\w+|\bFLW(?:SECK|PUBK)\w*-\S+|\bflw-t1nf-\S+|\bAUTH_\w+"  # keys and tokens
    r"|(?<!\d)\d(?:[ -]?\d){8,}(?!\d)"  # card, account and telephone numbers
)


class NotUnderstood(OutcomeUnknown):
    """The answer is JSON but does not say what it should: what happened is not known."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not_understood: {why}")


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotUnderstood(f"{name} is no object")
    return value


def optional_mapping(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one for what providers send instead: null, "", 0, a string."""
    return value if isinstance(value, dict) else {}


def rows(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise NotUnderstood(f"{name} is no list")
    return value


def text(value: Any) -> str:
    """A text, or nothing. Numbers become their digits; anything else is nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def needed_text(value: Any, name: str) -> str:
    read = text(value)
    if not read:
        raise NotUnderstood(f"{name} is missing")
    return read


def checkout_address(value: Any) -> str:
    """Where a payer is sent: an https address, or on this machine any."""
    address = text(value)
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return address
    raise NotUnderstood("checkout address")


def whole(value: Any) -> int | None:
    """A whole number given as a number or as digits, or None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None


def money(value: Any, currency: Any, *, decimals: int | None = None, name: str = "amount") -> Money:
    """Exactly this amount. `decimals`: digits that the provider implies (2: in hundredths); None: in major units."""
    exact = _minor(value, currency, decimals, name)
    if exact != exact.to_integral_value():
        raise NotUnderstood(f"{name} is finer than the currency")
    return Money(int(exact), currency)


def signed_money(value: Any, currency: Any, *, decimals: int | None = None, name: str = "amount") -> Money:
    """Exactly this amount, which may be below zero."""
    below = value.startswith("-") if isinstance(value, str) else isinstance(value, int | Decimal) and value < 0
    if not below:
        return money(value, currency, decimals=decimals, name=name)
    size = money(value[1:] if isinstance(value, str) else -value, currency, decimals=decimals, name=name)
    return Money(-size.minor, size.currency)


def rounded_money(value: Any, currency: Any, *, decimals: int | None = None) -> Money | None:
    """An amount that is only told (a fee), to the nearest minor unit; None if it was not told."""
    if value is None or value == "":
        return None
    exact = _minor(value, currency, decimals, "fee")
    return Money(int(exact.to_integral_value(ROUND_HALF_UP)), currency)


def _minor(value: Any, currency: Any, decimals: int | None, name: str) -> Decimal:
    if not isinstance(currency, str) or currency not in DECIMALS:
        raise NotUnderstood("currency")
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise NotUnderstood(f"{name} is no number")
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value, re.ASCII):
        raise NotUnderstood(f"{name} is no number")
    try:
        number = Decimal(value).scaleb(DECIMALS[currency] - (decimals or 0))
    except InvalidOperation:
        raise NotUnderstood(f"{name} is no number") from None
    if not number.is_finite() or abs(number) > MAX_MINOR or number < 0:
        raise NotUnderstood(f"{name} is out of range")
    return number


def smaller(one: Money, other: Money) -> Money:
    try:
        return min(one, other)
    except Refusal:
        raise NotUnderstood("currency") from None


def instant(value: Any) -> datetime | None:
    """An ISO 8601 instant in UTC; one without a zone is taken as UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def redacted(said: str, *, secrets: Collection[str] = ()) -> str:
    """A provider's text without addresses, keys, tokens and long numbers; one line, at most 200 characters."""
    for secret in filter(None, secrets):
        said = said.replace(secret, "[removed]")
    return _HIDDEN.sub("[removed]", " ".join(said.split()))[:_LONGEST_TEXT]


def record_of(data: Mapping[str, Any], *, kept: Collection[str], told: Collection[str]) -> dict[str, Any]:
    """What may be kept of an answer: the fields named in `kept`, and those of `told`, which are free text, redacted.
    "card.type" looks inside. Numbers that are not whole become text."""
    record: dict[str, Any] = {}
    for name in (*kept, *told):
        value: Any = data
        for part in name.split("."):
            value = optional_mapping(value).get(part)
        if isinstance(value, Decimal):
            record[name] = f"{value:f}"
        elif isinstance(value, str):
            record[name] = redacted(value) if name in told else value[:_LONGEST_TEXT]
        elif value is None or isinstance(value, bool | int):
            record[name] = value
    return record
