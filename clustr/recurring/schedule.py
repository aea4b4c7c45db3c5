"""When a standing order runs: always the first date plus a whole number of periods, never the last run plus one.

The *anchor* is the wall clock of the first run in the estate's time zone. Period n is the anchor plus n days, weeks,
months, quarters or years on that wall clock: 31 January, 28 February, 31 March. What the wall clock then says is made an
instant in the estate's time zone. A time that a change of clocks skips comes as much later as was skipped; one that comes
twice is taken the first time. Where a zone once skipped a whole day, that day's period shares its instant with the next.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from clustr.recurring.types import Frequency

_DAYS = {Frequency.DAILY: 1, Frequency.WEEKLY: 7}
_MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}


@dataclass(frozen=True, slots=True)
class Schedule:
    """What says when an order runs."""

    anchor: datetime
    frequency: Frequency
    timezone: str
    end_at: datetime | None

    def due_at(self, period: int) -> datetime:
        """When this period is due."""
        return occurrence(anchor=self.anchor, frequency=self.frequency, period=period, timezone=self.timezone)

    def has(self, period: int) -> bool:
        """Whether the order runs in this period, or ended before it."""
        return self.end_at is None or self.due_at(period) <= self.end_at


def anchor_of(*, start: datetime, timezone: str) -> datetime:
    """The wall clock (without a zone) that a standing order starting at this instant is anchored to."""
    return start.astimezone(_zone(timezone)).replace(tzinfo=None, fold=0)


def wall_clock(*, anchor: datetime, frequency: Frequency, period: int) -> datetime:
    """What the wall clock says in this period, counted from 0. A day that its month does not have is the month's last."""
    if frequency in _DAYS:
        return anchor + timedelta(days=period * _DAYS[frequency])
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + period * _MONTHS[frequency], 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


def instant_of(*, local: datetime, timezone: str) -> datetime:
    """The instant, in UTC, at which this zone's wall clock says `local`."""
    return local.replace(tzinfo=_zone(timezone), fold=0).astimezone(UTC)


def occurrence(*, anchor: datetime, frequency: Frequency, period: int, timezone: str) -> datetime:
    """The instant at which this period is due."""
    return instant_of(local=wall_clock(anchor=anchor, frequency=frequency, period=period), timezone=timezone)


def first_period_after(*, anchor: datetime, frequency: Frequency, timezone: str, at_least: int, now: datetime) -> int:
    """The first period, `at_least` this one, that is due after `now`."""
    local = now.astimezone(_zone(timezone)).replace(tzinfo=None)
    if frequency in _DAYS:
        passed = (local - anchor).days // _DAYS[frequency]
    else:
        passed = ((local.year - anchor.year) * 12 + local.month - anchor.month) // _MONTHS[frequency]
    period = max(at_least, passed - 1)
    while occurrence(anchor=anchor, frequency=frequency, period=period, timezone=timezone) <= now:
        period += 1
    return period


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
