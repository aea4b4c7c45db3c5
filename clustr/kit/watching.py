"""The books watched by the worker: what does not hold is CRITICAL in the log, with its rows, and a figure at /metrics."""

from __future__ import annotations

from datetime import datetime

import structlog

from clustr.kit import metrics
from clustr.kit.invariants import BrokenInvariant, examine

log = structlog.get_logger(__name__)


def watch_books(*, since: datetime | None = None, using: str = "checker") -> int:
    """Examine every invariant, or what was touched since an instant; answers how many do not hold.

    One that cannot be examined is as bad as one that does not hold, and ends the run.
    """
    broken = 0
    try:
        for found in examine(since=since, using=using):
            if found.rows:
                broken += 1
                metrics.VIOLATIONS.labels(found.invariant.name).inc()
                rows = [[str(value) for value in row] for row in found.rows]
                log.critical("invariant_violated", invariant=found.invariant.name, says=found.invariant.says, rows=rows)
    except BrokenInvariant:
        metrics.VIOLATIONS.labels(metrics.NOT_EXAMINED).inc()
        log.critical("books_not_examined", exc_info=True)
        raise
    metrics.BOOKS_EXAMINED.labels("full" if since is None else "recent").inc()
    return broken
