"""Invariants: what must hold of the stored data at every moment, written as queries that must return no row.

Each room names its own in `checks.py` (`INVARIANTS`). `bin/manage check_books` runs them all as the checker role, which
reads every cluster and can write nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connections


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` returns the rows that break what `says` says; at most a handful are shown."""

    name: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, with the first rows that break it."""

    invariant: Invariant
    rows: tuple[tuple[Any, ...], ...]


class BrokenInvariant(RuntimeError):
    """An invariant could not be examined; whether it holds is not known."""


SHOWN = 5


def all_invariants() -> list[Invariant]:
    """Every room's invariants, floor by floor."""
    found: list[Invariant] = []
    for room in settings.ROOMS:
        module = f"clustr.{room}.checks"
        if find_spec(module):
            found.extend(import_module(module).INVARIANTS)
    return found


def violations(*, cluster_id: UUID | None = None, using: str = "checker") -> Iterator[Violation]:
    """What does not hold, over all clusters or over one, in one snapshot; see `examine`."""
    return (found for found in examine(cluster_id=cluster_id, using=using) if found.rows)


def examine(*, cluster_id: UUID | None = None, using: str = "checker") -> Iterator[Violation]:
    """Run every invariant in one snapshot and answer each with the rows that break it: none where it holds.

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
            for invariant in all_invariants():
                yield Violation(invariant, _broken_rows(cursor, invariant))
        finally:
            if not joined:
                cursor.execute("ROLLBACK")


def _broken_rows(cursor: Any, invariant: Invariant) -> tuple[tuple[Any, ...], ...]:
    try:
        cursor.execute(invariant.sql)
        return tuple(tuple(row) for row in cursor.fetchmany(SHOWN))
    except DatabaseError as error:
        raise BrokenInvariant(f"{invariant.name} cannot be examined: {error}") from error
