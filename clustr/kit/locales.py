"""How people of a place write amounts and instants, in English: what a notice's figures look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from clustr.kit.money import DECIMALS, SIGNS, Money

DEFAULT_LOCALE = "en-NG"


@dataclass(frozen=True, slots=True)
class Style:
    """What stands between thousands and before the fraction; whether the day comes before the month; whether the clock
    has twelve hours. After the Unicode CLDR."""

    thousands: str = ","
    fraction: str = "."
    day_first: bool = True
    twelve_hours: bool = False


_LIKE_BRITISH = Style()
LOCALES: dict[str, Style] = {
    **dict.fromkeys(("en-NG", "en-GB", "en-GH", "en-KE", "en-RW", "en-TZ", "en-UG", "en-ZM"), _LIKE_BRITISH),
    "en-ZA": Style(thousands="\N{NO-BREAK SPACE}", fraction=","),
    "en-US": Style(day_first=False, twelve_hours=True),
}
"""The locales an estate may choose."""


def amount_for_people(amount: Money, *, locale: str) -> str:
    """ "₦1,234.50", with the sign that pages and documents use; "KES 1,234.50" where none is in use."""
    style, digits = LOCALES[locale], DECIMALS[amount.currency]
    whole, _, fraction = f"{Decimal(abs(amount.minor)).scaleb(-digits):,.{digits}f}".partition(".")
    number = whole.replace(",", style.thousands) + (style.fraction + fraction if fraction else "")
    less = "\N{MINUS SIGN}" if amount.minor < 0 else ""
    return less + SIGNS.get(amount.currency, f"{amount.currency} ") + number


def instant_for_people(instant: datetime, *, zone: ZoneInfo, locale: str) -> str:
    """ "28 February 2027, 23:59 WAT" """
    local = instant.astimezone(zone)
    hour = f"{local.hour % 12 or 12}:{local:%M} {local:%p}" if LOCALES[locale].twelve_hours else f"{local:%H:%M}"
    return f"{day_for_people(local, locale=locale)}, {hour} {local.tzname()}"


def day_for_people(day: date, *, locale: str) -> str:
    """ "28 February 2027" """
    if LOCALES[locale].day_first:
        return f"{day.day} {day:%B %Y}"
    return f"{day:%B} {day.day}, {day:%Y}"
