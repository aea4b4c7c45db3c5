"""Periods keep the day that was meant, in the customer's own zone, whatever the month, the year and the clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.subscriptions.schedule import (
    Anchor,
    anchor_at,
    anchor_on,
    billing_day,
    boundary,
    period_at,
    period_number,
    pieces,
    trial_end,
)
from clustr.subscriptions.types import MONTHLY, YEARLY, Cycle, Period, Unit

ZONES = ("UTC", "Africa/Lagos", "Europe/Paris", "America/Bogota", "Asia/Kolkata", "Pacific/Auckland")


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(start: str, cycle: Cycle, count: int) -> list[str]:
    anchor = anchor_at(at=day(start), zone="UTC")
    return [boundary(anchor=anchor, cycle=cycle, n=n).date().isoformat() for n in range(1, count + 1)]


def test_it_works() -> None:
    """Stripe: 31 January, 28 February, 31 March, 30 April; the anchor is the reference, not the end before."""
    assert ends("2023-01-31", MONTHLY, 3) == ["2023-02-28", "2023-03-31", "2023-04-30"]
    assert ends("2024-01-31", MONTHLY, 3) == ["2024-02-29", "2024-03-31", "2024-04-30"]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            "2022-12-31",
            "2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31 2023-06-30 2023-07-31 2023-08-31 2023-09-30 2023-10-31"
            " 2023-11-30 2023-12-31 2024-01-31 2024-02-29 2024-03-31",
        ),
        ("2022-12-30", "2023-01-30 2023-02-28 2023-03-30 2023-04-30"),
        ("2022-02-28", "2022-03-28 2022-04-28 2022-05-28"),
        ("2024-01-30", "2024-02-29 2024-03-30 2024-04-30"),
    ],
)
def test_anniversaries(start: str, expected: str) -> None:
    """Lago's: the 31st and the 30th come back after February, and 28 February means the 28th."""
    wanted = expected.split()
    assert ends(start, MONTHLY, len(wanted)) == wanted


def test_leap_days() -> None:
    assert ends("2020-02-29", YEARLY, 4) == ["2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]


def test_weeks_and_several_months() -> None:
    assert ends("2022-06-20", Cycle(Unit.WEEK), 2) == ["2022-06-27", "2022-07-04"]
    assert ends("2024-01-15", Cycle(Unit.MONTH, 3), 2) == ["2024-04-15", "2024-07-15"]


def test_the_day_that_is_meant_outlives_an_import() -> None:
    """Polar: a period 28 February to 31 March, the day 31."""
    anchor = Anchor(day("2026-02-28"), 31, "UTC")
    assert boundary(anchor=anchor, cycle=MONTHLY, n=1) == day("2026-03-31")
    with pytest.raises(ValueError, match="the day that is meant"):
        Anchor(day("2026-02-27"), 31, "UTC")


@pytest.mark.parametrize(
    ("start", "on", "expected"),
    [
        ("2012-01-16", 17, "2012-01-17"),
        ("2012-02-16", 30, "2012-02-29"),
        ("2012-01-31", 30, "2012-02-29"),
        ("2012-02-16", 14, "2012-03-14"),
        ("2012-03-03", 3, "2012-03-03"),
        ("2012-03-04", 3, "2012-04-03"),
        ("2022-07-19", 23, "2022-07-23"),
        ("2022-07-19", 17, "2022-08-17"),
        ("2022-02-19", 31, "2022-02-28"),
    ],
)
def test_first_billing_day(start: str, on: int, expected: str) -> None:
    """Kill Bill's first billing cycle dates."""
    assert anchor_on(start=day(start), day=on, zone="UTC").at == day(expected)


def test_after_a_short_month_the_day_comes_back() -> None:
    anchor = anchor_on(start=day("2012-04-30"), day=31, zone="UTC")
    assert period_at(anchor=anchor, cycle=MONTHLY, at=day("2012-04-30")).end == day("2012-05-31")
    assert boundary(anchor=anchor_on(start=day("2012-01-31"), day=30, zone="UTC"), cycle=YEARLY, n=1) == day(
        "2013-02-28"
    )


CYCLES = [
    # start, end of service or None, charged up to, billing day, expected cycles
    ("2011-02-10", "2011-02-24", "2011-03-06", 10, "1/2"),
    ("2011-02-24", None, "2011-03-06", 10, "1/2"),
    ("2011-02-17", None, "2011-03-03", 3, "3/2"),
    ("2010-12-15", None, "2011-01-16", 15, "2"),
    ("2012-02-15", None, "2012-03-15", 15, "2"),
    ("2012-01-30", None, "2012-03-01", 30, "2"),
    ("2011-02-01", "2011-02-14", "2011-03-01", 1, "13/28"),
    ("2011-02-14", None, "2011-03-01", 27, "44/31"),
    ("2012-02-01", "2012-02-15", "2012-02-19", 1, "14/29"),
    ("2011-02-07", "2011-02-15", "2011-04-21", 7, "8/28"),
    ("2011-03-07", None, "2011-04-21", 15, "64/28"),
    ("2011-02-07", "2011-03-10", "2011-04-21", 7, "34/31"),
    ("2011-03-10", None, "2011-04-21", 15, "61/28"),
    ("2011-01-31", "2011-03-10", "2011-04-21", 7, "41/31"),
    ("2010-12-15", "2011-03-17", "2011-03-15", 15, "95/31"),
    ("2011-02-01", None, "2011-02-13", 13, "43/31"),
    ("2017-01-31", None, "2017-03-31", 31, "3"),
]


@pytest.mark.parametrize(("start", "end", "target", "on", "expected"), CYCLES)
def test_cycles_in_advance(start: str, end: str | None, target: str, on: int, expected: str) -> None:
    """Kill Bill's day fractions: what is billed in advance by a day, up to the end of service."""
    assert _cycles(start, end, target, on) == Fraction(expected)


def test_a_stub_before_the_31st_is_a_part_of_its_own_month() -> None:
    """Kill Bill counts one month back from 28 February and divides 14 days by the 31 since 28 January. The period that
    ends on the last of February began on the last of January; it has 28 days."""
    assert _cycles("2011-02-14", None, "2011-03-01", 31) == 1 + Fraction(14, 28)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2023-05-23", "2023-06-15", "0.741935484"),
        ("2023-06-23", "2023-07-15", "0.733333333"),
        ("2023-02-23", "2023-03-15", "0.714285714"),
        ("2024-02-23", "2024-03-15", "0.724137931"),
    ],
)
def test_leading_fractions(start: str, end: str, expected: str) -> None:
    anchor = anchor_on(start=day(start), day=15, zone="UTC")
    ((part, whole),) = pieces(anchor=anchor, cycle=MONTHLY, served=Period(day(start), day(end)))
    assert f"{part.seconds / whole.seconds:.9f}" == expected


def _cycles(start: str, end: str | None, target: str, on: int) -> Fraction:
    anchor = anchor_on(start=day(start), day=on, zone="UTC")
    billed = period_at(anchor=anchor, cycle=MONTHLY, at=day(target)).end
    last = min(billed, day(end)) if end else billed
    served = Period(day(start), last)
    return sum(
        (Fraction(part.seconds, whole.seconds) for part, whole in pieces(anchor=anchor, cycle=MONTHLY, served=served)),
        Fraction(0),
    )


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("Pacific/Honolulu", 16), ("Europe/Paris", 16), ("UTC", 16), ("Etc/GMT-3", 17), ("Asia/Tokyo", 17)],
)
def test_billing_day_is_the_local_one(zone: str, expected: int) -> None:
    assert billing_day(at=datetime(2012, 7, 16, 21, 17, 3, tzinfo=UTC), zone=zone) == expected


@pytest.mark.parametrize(
    ("zone", "start", "not_yet", "due"),
    [
        ("Asia/Kolkata", "2023-02-01T00:00", "2023-02-28T18:00", "2023-02-28T19:00"),
        ("America/Bogota", "2023-02-01T00:00", "2023-03-01T00:00", "2023-03-01T05:00"),
        ("Europe/Paris", "2023-02-01T00:00", "2023-02-28T22:00", "2023-02-28T23:00"),
        ("Africa/Lagos", "2023-02-01T00:00", "2023-02-28T22:00", "2023-02-28T23:00"),
    ],
)
def test_a_month_begins_at_the_local_midnight(zone: str, start: str, not_yet: str, due: str) -> None:
    """Lago's calendar billing: when a run must make the invoice, in UTC."""
    local = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    begins = boundary(anchor=anchor_at(at=local, zone=zone), cycle=MONTHLY, n=1)
    assert day(not_yet) < begins <= day(due)


def test_the_local_time_of_day_stays_when_the_clocks_change() -> None:
    start = datetime(2026, 3, 10, 9, 30, tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)
    later = boundary(anchor=anchor_at(at=start, zone="Europe/Paris"), cycle=MONTHLY, n=1)
    assert (start.hour, later.hour) == (8, 7)


def test_a_trial_ends_with_the_local_day() -> None:
    """Never in the middle of it. Stripe counts 86,400 seconds a day; we tell it the instant at which a trial ends."""
    start = datetime(2024, 3, 5, 12, 12, tzinfo=UTC)
    assert trial_end(start=start, days=10, zone="UTC") == day("2024-03-16")
    assert trial_end(start=start, days=10, zone="Africa/Lagos") == day("2024-03-15T23:00")
    assert trial_end(start=day("2024-03-05"), days=10, zone="UTC") == day("2024-03-15")
    for days in (0, 731):
        with pytest.raises(ValueError, match="730"):
            trial_end(start=start, days=days, zone="UTC")


INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CYCLES_OF = st.sampled_from((MONTHLY, YEARLY, Cycle(Unit.WEEK), Cycle(Unit.MONTH, 3), Cycle(Unit.DAY, 10)))


@given(INSTANTS, CYCLES_OF, st.sampled_from(ZONES), st.integers(0, 40_000))
def test_periods_lie_side_by_side(start: datetime, cycle: Cycle, zone: str, hours: int) -> None:
    anchor = anchor_at(at=start, zone=zone)
    at = start + timedelta(hours=hours)
    n = period_number(anchor=anchor, cycle=cycle, at=at)
    here = period_at(anchor=anchor, cycle=cycle, at=at)
    assert n >= 0
    assert here.holds(at)
    assert boundary(anchor=anchor, cycle=cycle, n=n) == here.start
    assert period_at(anchor=anchor, cycle=cycle, at=here.end).start == here.end
    before = boundary(anchor=anchor, cycle=cycle, n=n - 1)
    assert period_at(anchor=anchor, cycle=cycle, at=before) == Period(before, here.start)


@given(INSTANTS, CYCLES_OF, st.sampled_from(ZONES), st.integers(1, 400))
def test_pieces_are_what_was_served(start: datetime, cycle: Cycle, zone: str, days: int) -> None:
    served = Period(start, start + timedelta(days=days))
    parts = [part for part, _ in pieces(anchor=anchor_on(start=start, day=15, zone=zone), cycle=cycle, served=served)]
    assert parts[0].start == start
    assert parts[-1].end == served.end
    assert all(one.end == next.start for one, next in pairwise(parts))
