"""Proving the books: in full, and, where it exists, by the recent window alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connections

from bench import databases, pgbench, town
from bench.estates import Estate
from bench.floors import safe_floor
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.kit import clock, invariants

_WINDOW = timedelta(minutes=10)


def measure(size: Size) -> Sequence[Line]:
    """Every invariant over all transfers; then the recent window over the payments of the last seconds."""
    database, estate = town.books(size)
    with databases.scratch(database):
        full = _examined()
        return [
            Line(f"check_books in full, {_transfers():,} transfers", f"{sum(full.values()):.1f} s; {_slowest(full)}"),
            _recent(estate, size),
        ]


def _recent(estate: Estate, size: Size) -> Line:
    what = "check_books, the last ten minutes"
    before = _transfers()
    pgbench.run(safe_floor(estate, size.clients[0]), seconds=1)  # more than a busy town pays in ten minutes
    after = _transfers()
    runs = [_examined(since=clock.now() - _WINDOW) for _ in range(5)]
    middle = sorted(runs, key=lambda run: sum(run.values()))[len(runs) // 2]
    said = f"{len(middle)} invariants; {after - before:,} recent of {after:,} transfers; {_slowest(middle)}"
    return at_most(what, sum(middle.values()), 1, " s", said)


def _slowest(run: dict[str, float]) -> str:
    slowest = sorted(run.items(), key=lambda item: -item[1])[:3]
    return "slowest: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in slowest)


def _examined(**how: Any) -> dict[str, float]:
    """Seconds by invariant. A broken one is an error: figures about wrong books say nothing."""
    took, began = {}, time.perf_counter()
    for found in invariants.examine(**how):
        if found.rows:
            raise AssertionError(f"{found.invariant.name} does not hold: {found.rows[0]}")
        took[found.invariant.name], began = time.perf_counter() - began, time.perf_counter()
    return took


def _transfers() -> int:
    with connections["checker"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_transfer")
        return int(cursor.fetchone()[0])
