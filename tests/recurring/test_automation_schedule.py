"""On which days automations buy: of a month, of the week, so many apart; by the estate's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.recurring.automation_schedule import BuyingSchedule
from clustr.recurring.automation_types import ScheduleKind

K = ScheduleKind
ZONES = ("Africa/Lagos", "UTC", "Europe/London", "America/New_York", "Pacific/Auckland")


def schedule(
    kind: ScheduleKind, every: int, starts_on: date = date(2026, 1, 15), zone: str = "Africa/Lagos"
) -> BuyingSchedule:
    return BuyingSchedule(kind, every, time(8), starts_on, zone)


def days(made: BuyingSchedule, count: int, now: datetime = datetime(2026, 1, 15, tzinfo=UTC)) -> list[str]:
    found = []
    for _ in range(count):
        now = made.next_after(now=now)
        found.append(f"{now:%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("kind", "every", "expected"),
    [
        (K.DAY_OF_MONTH, 31, ["2026-01-31 07:00", "2026-02-28 07:00", "2026-03-31 07:00"]),
        (K.DAY_OF_MONTH, 15, ["2026-01-15 07:00", "2026-02-15 07:00", "2026-03-15 07:00"]),
        (K.DAY_OF_MONTH, 1, ["2026-02-01 07:00", "2026-03-01 07:00", "2026-04-01 07:00"]),
        (K.WEEKDAY, 1, ["2026-01-19 07:00", "2026-01-26 07:00", "2026-02-02 07:00"]),
        (K.WEEKDAY, 4, ["2026-01-15 07:00", "2026-01-22 07:00", "2026-01-29 07:00"]),
        (K.EVERY_DAYS, 10, ["2026-01-15 07:00", "2026-01-25 07:00", "2026-02-04 07:00"]),
    ],
)
def test_it_works(kind: ScheduleKind, every: int, expected: list[str]) -> None:
    assert days(schedule(kind, every), 3) == expected


def test_the_hour_is_the_walls_whatever_the_clocks_do() -> None:
    made = schedule(K.EVERY_DAYS, 1, date(2026, 3, 28), "Europe/London")
    assert days(made, 2, datetime(2026, 3, 28, tzinfo=UTC)) == ["2026-03-28 08:00", "2026-03-29 07:00"]


LARGEST = {K.DAY_OF_MONTH: 31, K.WEEKDAY: 7, K.EVERY_DAYS: 366}
schedules = st.sampled_from(list(K)).flatmap(
    lambda kind: st.builds(
        schedule,
        st.just(kind),
        st.integers(1, LARGEST[kind]),
        st.dates(date(2024, 1, 1), date(2030, 12, 31)),
        st.sampled_from(ZONES),
    )
)
instants = st.integers(0, 16 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(schedules, instants)
def test_the_next_lies_ahead_and_nothing_between(made: BuyingSchedule, now: datetime) -> None:
    following = made.next_after(now=now)
    assert following > now
    assert made.next_after(now=following - timedelta(seconds=1)) == following
    times = [following]
    for _ in range(4):
        times.append(made.next_after(now=times[-1]))
    local = [made.starts_on <= each.astimezone(UTC).date() + timedelta(days=1) for each in times]
    assert all(local)
    most = {K.DAY_OF_MONTH: 31, K.WEEKDAY: 7, K.EVERY_DAYS: made.every}[made.kind]
    assert all(after - before <= timedelta(days=most, hours=2) for before, after in pairwise(times))


@given(schedules, instants, st.integers(0, 400))
def test_the_last_has_come_and_none_after_it_has(made: BuyingSchedule, since: datetime, days_later: int) -> None:
    first = made.next_after(now=since)
    now = first + timedelta(days=days_later, minutes=3)
    last = made.last_until(now=now, since=first)
    assert first <= last <= now
    assert made.next_after(now=last) > now


@given(schedules, instants, st.sampled_from(ZONES))
def test_the_day_after_is_the_next_and_no_other(made: BuyingSchedule, now: datetime, elsewhere: str) -> None:
    """By its own clock the day after the one that was due is the next time; by another clock it is the same day."""
    due, following = made.next_after(now=now), made.next_after(now=made.next_after(now=now))
    day = made.day_of(due_at=due)
    assert made.time_of(day) == due
    assert made.after_day(day) == following
    assert made.next_after(now=now, bought_until=day) == following
    moved = replace(made, timezone=elsewhere)
    assert moved.day_of(due_at=moved.after_day(day)) == made.day_of(due_at=following)
