"""Invariants: what must hold of the stored data at every moment, written as queries that must return no row.

Each room names its own in `checks.py` (`INVARIANTS`). `bin/manage check_books` runs them all as the checker role, which
reads every cluster and can write nothing.

Most can also be examined for what was touched lately (`recent_sql`): at a cost that grows with what happened in that
time, not with the books. What nobody touched is proved by the full run, every night.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connections

from clustr.kit import clock
from clustr.kit.ids import earliest_id


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` returns the rows that break what `says` says; at most a handful are shown.

    `recent_sql` looks at what was touched since `%(since)s`, an instant of this clock, with `recent()`; None leaves the
    invariant to the full run. Where `sql` itself is cheap whatever the size, it is the same.
    """

    name: str
    says: str
    sql: str
    recent_sql: str | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, with the first rows that break it, and every cluster that any row begins with."""

    invariant: Invariant
    rows: tuple[tuple[Any, ...], ...]
    cluster_ids: frozenset[UUID] = frozenset()


class BrokenInvariant(RuntimeError):
    """An invariant could not be examined; whether it holds is not known."""


SHOWN = 5
_CLOCKS_APART = timedelta(hours=1)


def recent(table: str) -> str:
    """A sub-select of the rows of a cluster-owned table that were made since, known by their UUIDv7.

    It goes from cluster to cluster by the primary key `(cluster_id, id)` and reads only the newest of each. Ids that are
    no UUIDv7 lie outside.
    """
    return f"""(
      WITH RECURSIVE owner AS (
        (SELECT cluster_id FROM {table} ORDER BY cluster_id LIMIT 1)
        UNION ALL
        SELECT (SELECT t.cluster_id FROM {table} t WHERE t.cluster_id > owner.cluster_id ORDER BY t.cluster_id LIMIT 1)
        FROM owner WHERE owner.cluster_id IS NOT NULL
      )
      SELECT made.* FROM owner CROSS JOIN LATERAL (
        SELECT * FROM {table} t WHERE t.cluster_id = owner.cluster_id AND t.id >= %(first)s AND t.id < %(last)s) AS made)"""


def all_invariants() -> list[Invariant]:
    """Every room's invariants, floor by floor."""
    found: list[Invariant] = []
    for room in settings.ROOMS:
        module = f"clustr.{room}.checks"
        if find_spec(module):
            found.extend(import_module(module).INVARIANTS)
    return found


def violations(
    *, cluster_id: UUID | None = None, since: datetime | None = None, using: str = "checker"
) -> Iterator[Violation]:
    """What does not hold, over all clusters or over one, in one snapshot; see `examine`."""
    return (found for found in examine(cluster_id=cluster_id, since=since, using=using) if found.rows)


def examine(
    *, cluster_id: UUID | None = None, since: datetime | None = None, using: str = "checker"
) -> Iterator[Violation]:
    """Run every invariant in one snapshot and answer each with the rows that break it: none where it holds.

    With `since`, only those with a recent form, for what was touched since that instant.
    Inside a transaction of this connection it looks at what that transaction sees. A query that cannot run raises
    `BrokenInvariant`: not known is not the same as holding.
    """
    connection = connections[using]
    joined = connection.in_atomic_block
    with connection.cursor() as cursor:
        if not joined:
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id or "")])
            if since is not None:
                # What was touched is looked up row by row, a few rows each: a bitmap for each costs five times as much.
                cursor.execute("SET LOCAL enable_bitmapscan = off")
            for invariant in all_invariants():
                if since is None or invariant.recent_sql is not None:
                    yield _broken(cursor, invariant, since)
        finally:
            if not joined:
                cursor.execute("ROLLBACK")


def _broken(cursor: Any, invariant: Invariant, since: datetime | None) -> Violation:
    try:
        if since is None:
            cursor.execute(invariant.sql)
        else:
            cursor.execute(invariant.recent_sql, _window(since))
        first = tuple(tuple(row) for row in cursor.fetchmany(SHOWN))
        every = chain(first, cursor)
        return Violation(invariant, first, frozenset(row[0] for row in every if isinstance(row[0], UUID)))
    except DatabaseError as error:
        raise BrokenInvariant(f"{invariant.name} cannot be examined: {error}") from error


def _window(since: datetime) -> dict[str, Any]:
    """Ids are made by the machine's clock, and those of other machines may be ahead of this one's."""
    return {
        "since": since,
        "first": earliest_id(clock.real(since)),
        "last": earliest_id(clock.real(clock.now()) + _CLOCKS_APART),
    }
