"""How a notice writes amounts, instants and people: in the estate's currency, time zone and locale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_noop

from clustr.kit import sentences
from clustr.kit.locales import amount_for_people, instant_for_people
from clustr.kit.money import Money
from clustr.notifications.types import Facts

_AMOUNT, _PERSON, _INSTANTS = "_minor", "_user_id", ("_at", "_date")
SOMEBODY = gettext_noop("A member")


def people_in(facts: Facts) -> set[UUID]:
    """Whose names these facts need."""
    return {UUID(str(value)) for name, value in facts.items() if name.endswith(_PERSON) and value}


def for_people(facts: Facts, *, timezone: str, locale: str, names: Mapping[UUID, str]) -> dict[str, Any]:
    """The facts as a text shows them: `amount_minor` as `amount`, `member_user_id` as `member`, instants in the zone;
    why something failed and what can be done, which rooms say in English, in the language that is active."""
    zone = ZoneInfo(timezone)
    shown: dict[str, Any] = {}
    for name, value in facts.items():
        if value is None:
            continue
        if name.endswith(_AMOUNT):
            amount = Money(int(value), str(facts["currency"]))
            shown[name.removesuffix(_AMOUNT)] = amount_for_people(amount, locale=locale)
        elif name.endswith(_PERSON):
            shown[name.removesuffix(_PERSON)] = names.get(UUID(str(value))) or gettext(SOMEBODY)
        elif name.endswith(_INSTANTS):
            shown[name] = instant_for_people(datetime.fromisoformat(str(value)), zone=zone, locale=locale)
        elif name == "failure":
            shown[name] = sentences.for_people(str(value))
        elif name == "options":
            shown[name] = [sentences.for_people(option) for option in value]
        else:
            shown[name] = value
    return shown


def joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)
