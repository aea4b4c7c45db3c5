"""When periods begin, when a trial ends, and when an unpaid invoice is spoken of again. Pure.

A boundary is always counted from the anchor, never from the boundary before: who started on the 31st is billed on 28
February and then on 31 March. Days are days of the anchor's time zone.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from clustr.subscriptions.types import Cycle, Period, Unit

DUNNING = tuple(timedelta(days=days) for days in (2, 7, 14, 21))
"""After the first reminder of an overdue invoice: when the customer is reminded again."""
GRACE = timedelta(days=28)
"""How long after the first reminder an unpaid invoice leaves the subscription usable."""
LONGEST_TRIAL = 730
TRIAL_WARNING = timedelta(days=3)
"""How long before its end a trial is spoken of; at once if it is shorter."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the boundaries of all periods are counted from: the first one, and the day of the month that is meant.

    `day` may be later than the month of `at` has days: 31 means the last day of a shorter month.
    """

    at: datetime
    day: int
    zone: str

    def __post_init__(self) -> None:
        local = self.at.astimezone(ZoneInfo(self.zone))
        if not 1 <= self.day <= 31 or local.day != min(self.day, _days_of(local.year, local.month)):
            raise ValueError("an anchor lies on the day that is meant, or on the last of its month")


def anchor_at(*, at: datetime, zone: str) -> Anchor:
    """The anchor of what begins at this instant; the day that is meant is that of the instant in this zone."""
    return Anchor(at, billing_day(at=at, zone=zone), zone)


def anchor_on(*, start: datetime, day: int, zone: str) -> Anchor:
    """The anchor at the first local day `day` (or the last day of a shorter month) not before `start`, at its time."""
    local = start.astimezone(ZoneInfo(zone))
    for month in count(local.year * 12 + local.month - 1):
        at = _on_day(local, month, day)
        if at >= local:
            return Anchor(at.astimezone(start.tzinfo), day, zone)
    raise AssertionError("unreachable")


def billing_day(*, at: datetime, zone: str) -> int:
    """The day of the month on which this instant falls in this zone."""
    return at.astimezone(ZoneInfo(zone)).day


def boundary(*, anchor: Anchor, cycle: Cycle, n: int) -> datetime:
    """The start of the period number `n`, counted from the anchor; before it for a negative `n`."""
    local = anchor.at.astimezone(ZoneInfo(anchor.zone))
    steps = cycle.count * n
    if cycle.unit is Unit.DAY or cycle.unit is Unit.WEEK:
        moved = local + timedelta(days=steps * (7 if cycle.unit is Unit.WEEK else 1))  # local days, not 24 hours
    else:
        months = steps * (12 if cycle.unit is Unit.YEAR else 1)
        moved = _on_day(local, local.year * 12 + local.month - 1 + months, anchor.day)
    return moved.astimezone(anchor.at.tzinfo)


def period_number(*, anchor: Anchor, cycle: Cycle, at: datetime) -> int:
    """The number of the period that holds this instant."""
    days = {Unit.DAY: 1.0, Unit.WEEK: 7.0, Unit.MONTH: 30.436875, Unit.YEAR: 365.2425}[cycle.unit] * cycle.count
    n = int((at - anchor.at).total_seconds() // (days * 86_400))  # within one or two of it
    while boundary(anchor=anchor, cycle=cycle, n=n) > at:
        n -= 1
    while boundary(anchor=anchor, cycle=cycle, n=n + 1) <= at:
        n += 1
    return n


def period_at(*, anchor: Anchor, cycle: Cycle, at: datetime) -> Period:
    """The whole period that holds this instant."""
    n = period_number(anchor=anchor, cycle=cycle, at=at)
    return Period(boundary(anchor=anchor, cycle=cycle, n=n), boundary(anchor=anchor, cycle=cycle, n=n + 1))


def pieces(*, anchor: Anchor, cycle: Cycle, served: Period) -> Iterator[tuple[Period, Period]]:
    """What of each period was served: the part, and the whole period it is a part of, one after another."""
    at = served.start
    while at < served.end:
        whole = period_at(anchor=anchor, cycle=cycle, at=at)
        yield Period(at, min(whole.end, served.end)), whole
        at = whole.end


def trial_end(*, start: datetime, days: int, zone: str) -> datetime:
    """When a trial of so many days ends: at the end of a local day, so that nobody is charged in the middle of the last.

    The first local midnight not before `start` + `days`; at most 730 days are given.
    """
    if not 1 <= days <= LONGEST_TRIAL:
        raise ValueError(f"a trial lasts 1 to {LONGEST_TRIAL} days")
    local = start.astimezone(ZoneInfo(zone)) + timedelta(days=days)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = midnight if midnight == local else midnight + timedelta(days=1)
    return ends.astimezone(start.tzinfo)


def _on_day(local: datetime, months: int, day: int) -> datetime:
    year, month = divmod(months, 12)
    return local.replace(year=year, month=month + 1, day=min(day, _days_of(year, month + 1)), fold=0)


def _days_of(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
