"""The books watched by the worker: what does not hold is CRITICAL in the log, with its rows, and a figure at /metrics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import structlog

from clustr.kit import metrics
from clustr.kit.going_on import GoingOn
from clustr.kit.invariants import BrokenInvariant, Violation, examine

log = structlog.get_logger(__name__)

Alarm: TypeAlias = Callable[[Violation, datetime], None]
"""Told of each invariant that does not hold, with the first rows that break it."""

_alarms: list[Alarm] = []


def register_alarm(function: Alarm) -> None:
    """Have this told of what does not hold, besides the log. Called by `apps.ready()`."""
    if function not in _alarms:
        _alarms.append(function)


def watch_books(*, now: datetime, since: datetime | None = None, using: str = "checker") -> int:
    """Examine every invariant, or what was touched since an instant; answers how many do not hold.

    One that cannot be examined is as bad as one that does not hold, and ends the run.
    """
    broken: list[Violation] = []
    try:
        for found in examine(since=since, using=using):
            if found.rows:
                broken.append(found)
                metrics.VIOLATIONS.labels(found.invariant.name).inc()
                rows = [[str(value) for value in row] for row in found.rows]
                log.critical("invariant_violated", invariant=found.invariant.name, says=found.invariant.says, rows=rows)
    except BrokenInvariant:
        metrics.VIOLATIONS.labels(metrics.NOT_EXAMINED).inc()
        log.critical("books_not_examined", exc_info=True)
        raise
    metrics.BOOKS_EXAMINED.labels("full" if since is None else "recent").inc()
    with GoingOn() as going_on:
        for found in broken:
            for alarm in _alarms:
                with going_on.past():
                    alarm(found, now)
    return len(broken)
