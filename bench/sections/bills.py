"""An estate-wide bill costs the same for 5,000 members and for 1,000,000; beside it, one row per member."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

from bench import databases, town
from bench.estates import Estate
from bench.history import issue
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.kit import clock
from clustr.kit.tenancy import tenant

_WRITTEN = "SELECT relname, n_tup_ins + n_tup_upd FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd > 0"
_NOTICE = "notifications_event"
_WARM_UP = 10


def measure(size: Size) -> Sequence[Line]:
    """Median database time of a creation, and the rows it wrote, for three sizes of estate taken in turn."""
    estates = town.estates(size)
    with databases.scratch(town.town(size)) as database:
        times = _times(estates, size.bills)
        medians = {estate.members: statistics.median(times[estate.members]) for estate in estates}
        written = {estate.members: _written(estate) for estate in estates}
        lines = [
            at_most(
                f"estate-wide bill, {members:,} members: database time",
                milliseconds,
                5,
                " ms",
                f"median of {size.bills}; wrote {_rows(written[members])}",
            )
            for members, milliseconds in medians.items()
        ]
        small, _, large = size.estates
        lines.append(at_most(f"estate-wide bill, {large:,} : {small:,} members", medians[large] / medians[small], 1.5))
        lines.append(
            Line(
                "rows written, the same at every size",
                "yes" if len({_rows(rows) for rows in written.values()}) == 1 else "no",
                "same; one bill row, one notice",
                len({_rows(rows) for rows in written.values()}) == 1
                and all(rows.get(table) == 1 for rows in written.values() for table in ("bills_bill", _NOTICE)),
            )
        )
        lines += [_beside(estate, database, in_python=estate.members <= size.row_per_member) for estate in estates]
        if estates[-1].members > size.row_per_member:
            lines.append(_beside(estates[1], database, in_python=False))
    return lines


def _times(estates: Sequence[Estate], creations: int) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {estate.members: [] for estate in estates}
    for turn in range(_WARM_UP + creations):
        for estate in estates:
            with _database_time() as spent:
                issue(estate, minor=500_000, at=clock.now())
            if turn >= _WARM_UP:
                times[estate.members].append(spent[0] * 1000)
    return times


@contextmanager
def _database_time() -> Iterator[list[float]]:
    """Adds up how long the block waited for the database: every statement, and the commit."""
    spent = [0.0]
    commit = connection._commit  # type: ignore[attr-defined]

    def timed(call: Any, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*arguments)
        finally:
            spent[0] += time.perf_counter() - began

    connection.ensure_connection()
    connection._commit = lambda: timed(commit)  # type: ignore[attr-defined]
    try:
        with connection.execute_wrapper(lambda execute, *arguments: timed(execute, *arguments)):
            yield spent
    finally:
        del connection._commit  # type: ignore[attr-defined]


def _written(estate: Estate) -> dict[str, int]:
    """Rows written by one creation, table by table, as PostgreSQL's own counters of the transaction say."""
    with tenant(estate.cluster_id), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        before = dict(cursor.fetchall())  # of transactions that were not reported yet
        issue(estate, minor=500_000, at=clock.now())
        cursor.execute(_WRITTEN)
        after = dict(cursor.fetchall())
        return {table: count - before.get(table, 0) for table, count in after.items() if count > before.get(table, 0)}


def _rows(written: dict[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in sorted(written.items()))


def _beside(estate: Estate, database: str, *, in_python: bool) -> Line:
    """The same bill as a row for each member, written by a process of its own in the same database."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.row_per_member", database, str(estate.number), str(estate.members)),
            "python" if in_python else "sql",
        ],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "bench.settings"},
        cwd=settings.PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=170,
    )
    found = json.loads(done.stdout)
    way = "through the ORM" if in_python else "by one INSERT ... SELECT"
    memory = f", {found['memory_mib']:.0f} MiB of Python" if in_python else ""
    return Line(
        f"  beside it: a row per member, {estate.members:,} members, {way}",
        f"{found['seconds'] * 1000:,.0f} ms, {found['rows']:,} rows, {found['bytes'] / 2**20:,.1f} MiB{memory}",
    )
