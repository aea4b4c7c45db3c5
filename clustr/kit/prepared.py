"""Statements that PostgreSQL parses and plans once for a connection, not once for a call: for the few sent all the time."""

from __future__ import annotations

from typing import Any, cast

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor


class _PreparingCursor(ServerBindingCursor):
    """Sends values beside the statement, and keeps the statement prepared."""

    def execute(self, query: Any, params: Any = None, **_options: Any) -> Any:
        return cast(Any, super()).execute(query, params, prepare=True)


def fetch_prepared(statement: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement on the default connection. It is sent like every other one, seen by the same watchers."""
    connection.ensure_connection()
    ours = cast(Any, _PreparingCursor)(connection.connection)
    with cast(Any, connection)._prepare_cursor(ours) as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
