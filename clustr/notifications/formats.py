"""How a notice writes amounts, instants and people: in the estate's currency and time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.kit.money import Money
from clustr.notifications.types import Facts

_AMOUNT, _PERSON, _INSTANTS = "_minor", "_user_id", ("_at", "_date")
SOMEBODY = "A member"


def people_in(facts: Facts) -> set[UUID]:
    """Whose names these facts need."""
    return {UUID(str(value)) for name, value in facts.items() if name.endswith(_PERSON) and value}


def for_people(facts: Facts, *, timezone: str, names: Mapping[UUID, str]) -> dict[str, Any]:
    """The facts as a text shows them: `amount_minor` as `amount`, `member_user_id` as `member`, instants in the zone."""
    zone = ZoneInfo(timezone)
    shown: dict[str, Any] = {}
    for name, value in facts.items():
        if value is None:
            continue
        if name.endswith(_AMOUNT):
            shown[name.removesuffix(_AMOUNT)] = Money(int(value), str(facts["currency"])).for_people()
        elif name.endswith(_PERSON):
            shown[name.removesuffix(_PERSON)] = names.get(UUID(str(value)), SOMEBODY)
        elif name.endswith(_INSTANTS):
            shown[name] = instant_for_people(datetime.fromisoformat(str(value)), zone)
        else:
            shown[name] = value
    return shown


def instant_for_people(instant: datetime, zone: ZoneInfo) -> str:
    """ "28 February 2027, 23:59 WAT" """
    local = instant.astimezone(zone)
    return f"{local.day} {local:%B %Y}, {local:%H:%M} {local.tzname()}"


def joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)
