"""When an automation buys: on a day of every month, on a weekday, or every so many days; at an hour of the estate's clock. Pure.

A month that lacks the day has it on its last. What the wall clock then says becomes an instant as for standing orders
(`schedule.instant_of`).

A period is a day of the estate's calendar. Where the estate moves to another time zone, its hour comes again in the west and
has passed already in the east; the day is what says that a period was bought, and which one is next.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from clustr.recurring.automation_types import ScheduleKind
from clustr.recurring.schedule import anchor_of, instant_of

WEEK = 7


@dataclass(frozen=True, slots=True)
class BuyingSchedule:
    """`every`: the day of the month (1 to 31), the weekday (1 Monday to 7 Sunday), or how many days apart (1 to 366).
    `starts_on`: no period lies before this day of the estate's calendar."""

    kind: ScheduleKind
    every: int
    at: time
    starts_on: date
    timezone: str

    def next_after(self, *, now: datetime, bought_until: date | None = None) -> datetime:
        """The first time, in UTC, that comes after `now`, on a day after `bought_until`."""
        number = self._first_after(now)
        while bought_until is not None and self._day(number) <= bought_until:
            number += 1
        return self._at(number)

    def after_day(self, day: date) -> datetime:
        """The time of its first day after this one; it may have come already, where the estate has moved east."""
        number = max(0, self._near(day) - 1)
        while self._day(number) <= day:
            number += 1
        return self._at(number)

    def day_of(self, *, due_at: datetime) -> date:
        """Of its days the one whose time this is, or is nearest: the rules of a zone may have changed since it was set."""
        number = max(0, self._first_after(due_at) - 1)
        return self._day(min((number, number + 1), key=lambda one: abs(self._at(one) - due_at)))

    def time_of(self, day: date) -> datetime:
        """When it buys on this day of its own."""
        return instant_of(local=datetime.combine(day, self.at), timezone=self.timezone)

    def last_until(self, *, now: datetime, since: datetime) -> datetime:
        """The last time that has come by `now`; `since`, which has come, if there is none after it."""
        before = self._first_after(now) - 1
        return max(since, self._at(before)) if before >= 0 else since

    def _first_after(self, now: datetime) -> int:
        today = anchor_of(start=now, timezone=self.timezone).date()
        number = max(0, self._near(today) - 2)
        while self._at(number) <= now:
            number += 1
        return number

    def _at(self, number: int) -> datetime:
        return self.time_of(self._day(number))

    def _day(self, number: int) -> date:
        """The days from the start on, counted from 0."""
        match self.kind:
            case ScheduleKind.DAY_OF_MONTH:
                first = self.starts_on.year * 12 + self.starts_on.month - 1
                if _day_in(first, self.every) < self.starts_on:
                    first += 1
                return _day_in(first + number, self.every)
            case ScheduleKind.WEEKDAY:
                wait = (self.every - self.starts_on.isoweekday()) % WEEK
                return self.starts_on + timedelta(days=wait + number * WEEK)
            case ScheduleKind.EVERY_DAYS:
                return self.starts_on + timedelta(days=number * self.every)

    def _near(self, today: date) -> int:
        days = (today - self.starts_on).days
        if self.kind is ScheduleKind.DAY_OF_MONTH:
            return (today.year - self.starts_on.year) * 12 + today.month - self.starts_on.month
        return days // (WEEK if self.kind is ScheduleKind.WEEKDAY else self.every)


def _day_in(month: int, day: int) -> date:
    """The day of a month, counted from the year 0; a month that lacks it has it on its last."""
    year, before = divmod(month, 12)
    return date(year, before + 1, min(day, monthrange(year, before + 1)[1]))
