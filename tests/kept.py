"""Connections of the tests' own that stay open, so that what is asked again and again is planned once.

Most of the time of a question about every table is its planning. Django's connections go back after each test, and their
plans with them; psycopg forgets its own at a ROLLBACK, so that what is asked here ends with COMMIT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.db import connections

ADMINISTRATOR = "administrator"
Rows = list[tuple[Any, ...]]


def ask(alias: str, statement: str, values: Mapping[str, Any] | None = None) -> Rows:
    """What the database of this process answers to this role: of an alias of Django's, or the `ADMINISTRATOR`."""
    return _kept(alias).execute(statement, values, prepare=True).fetchall()


def ask_each(alias: str, statements: list[str]) -> list[Rows]:
    """The same for many, sent at once."""
    connection = _kept(alias)
    with connection.pipeline():
        cursors = [connection.execute(statement, prepare=True) for statement in statements]
    return [cursor.fetchall() for cursor in cursors]


@contextmanager
def estate(alias: str, cluster_id: UUID) -> Iterator[None]:
    """What is asked within is asked in one snapshot, as somebody of this estate."""
    connection = _kept(alias)
    connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        connection.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id)])
        yield
    finally:
        connection.execute("COMMIT")


def forget() -> None:
    """Close what was kept, before the database goes."""
    while _connections:
        _connections.popitem()[1].close()


_connections: dict[tuple[str, str], psycopg.Connection] = {}


def _kept(alias: str) -> psycopg.Connection:
    where = (alias, str(connections["owner"].settings_dict["NAME"]))
    if where not in _connections:
        _connections[where] = connection = psycopg.connect(**_parameters(alias), autocommit=True)
        connection.execute("SET plan_cache_mode = force_generic_plan")
    return _connections[where]


def _parameters(alias: str) -> dict[str, Any]:
    from tests.databases import administrator_parameters

    if alias == ADMINISTRATOR:
        return administrator_parameters()
    parameters = connections[alias].get_connection_params()
    for ours in ("pool", "cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    return parameters
