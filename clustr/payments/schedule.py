"""When to ask a provider again what became of an attempt. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

EARLY = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300))
"""The first waits, one after another."""
WHILE_PAYABLE = timedelta(minutes=10)
HOURLY_UNTIL = timedelta(days=7)
ASK_A_PERSON_AFTER = timedelta(hours=24)
"""How long an attempt may stay unknown before a person is asked."""
CHECKOUT_LIFE = timedelta(hours=24)
"""How long a started checkout can be paid at most."""
FEWEST_MISSES = 3
UNSENT_AFTER = timedelta(minutes=15)
"""A provider that says it knows nothing of an attempt is believed after so many times and so long."""
WATCH_ENDED = timedelta(days=30)
"""How long an attempt that failed or was given up is still looked at, should money come late."""


def first_check(*, now: datetime) -> datetime:
    """When to look first at an attempt that was just started."""
    return now + EARLY[0]


def next_check(*, started_at: datetime, payable_until: datetime, checks: int, now: datetime) -> datetime:
    """When to ask after the `checks`th look: 10 s, 30 s, 1, 2 and 5 minutes, then every 10 minutes while it can still
    be paid, hourly to seven days, daily after. Never "not at all"."""
    if checks < len(EARLY):
        return now + EARLY[checks]
    if now < payable_until and now - started_at < CHECKOUT_LIFE:
        return now + WHILE_PAYABLE
    if now - started_at < HOURLY_UNTIL:
        return now + timedelta(hours=1)
    return now + timedelta(days=1)


def next_notice_attempt(*, attempts: int, now: datetime) -> datetime:
    """When to try again a notice that could not be acted on: doubling from 10 seconds to an hour."""
    return now + min(timedelta(hours=1), timedelta(seconds=10) * (1 << min(attempts, 12)))
