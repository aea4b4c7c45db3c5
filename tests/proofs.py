"""The books proved again and again: what `check_books` finds in one estate, with the plans of its queries kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from django.db import connections

from clustr.kit.invariants import SHOWN, all_invariants

Found = list[tuple[str, tuple[Any, ...]]]


def broken_books(cluster_id: UUID) -> Found:
    """The invariants that do not hold of this estate, by name, with the first rows that break each: none in a sound one.

    It reads as the application does: within the estate, in one snapshot. Most of the time of such a proof is the planning
    of some seventy queries, which are the same each time; so they are prepared, once, on a connection that is kept.
    """
    found: Found = []
    cursor = _connection(str(connections["default"].settings_dict["NAME"])).cursor()
    cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id)])
        for invariant in all_invariants():
            rows = cursor.execute(invariant.sql, prepare=True).fetchmany(SHOWN)
            if rows:
                found.append((invariant.name, tuple(rows)))
    finally:
        cursor.execute("COMMIT")  # of nothing; psycopg forgets at a ROLLBACK what it has prepared
    return found


_connections: dict[str, psycopg.Connection] = {}


def _connection(database: str) -> psycopg.Connection:
    """This process's own to the database, as the application's role."""
    if database in _connections:
        return _connections[database]
    parameters = connections["default"].get_connection_params() | {"dbname": database}
    for ours in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    return _connections.setdefault(database, psycopg.connect(**parameters, autocommit=True))


def forget_connections() -> None:
    """Close what was kept, before the database goes."""
    for database in list(_connections):
        _connections.pop(database).close()
