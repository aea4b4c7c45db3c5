"""After a dump was restored into another server: transactions are numbered on from where the first one stood.

Rows carry the number of the transaction that wrote them, and checkpoints say "everything below number N is in this
sum". Another server counts from the beginning, so that new rows would fall below N and be missed, and statements, which
are in the order of these numbers, would show the new below the old. So the scale (`kit_lasting`) is moved on, and the
sums, which are derived, are emptied and fill again.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.db import connections, transaction


def derived_tables() -> list[str]:
    """The tables that rooms declare as mere sums of others (`DERIVED` in their `checks.py`)."""
    modules = [f"clustr.{room}.checks" for room in settings.ROOMS]
    return [table for module in modules if find_spec(module) for table in getattr(import_module(module), "DERIVED", ())]


def restored_elsewhere() -> bool:
    """Whether a horizon lies ahead of this server's transaction ids: it was counted by another one."""
    with connections["checker"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND column_name = 'horizon' AND table_name = ANY(%s)",
            [derived_tables()],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT EXISTS (SELECT FROM "{table}" WHERE horizon > kit_lasting(pg_snapshot_xmax(pg_current_snapshot())))'
            )
            if cursor.fetchone() == (True,):
                return True
    return False


def number_on() -> int:
    """Move the scale of transaction numbers on, if need be, so that every new one is above every stored one; answers by
    how much it now exceeds the server's own count. Harmless to repeat."""
    with connections["checker"].cursor() as cursor:
        highest = max((_highest(cursor, table, column) for table, column in _numbered(cursor)), default=0)
        cursor.execute(
            "SELECT pg_snapshot_xmax(s)::text::bigint, kit_lasting(pg_snapshot_xmax(s))::text::bigint"
            " FROM pg_current_snapshot() AS s"
        )
        count, lasting = cursor.fetchone()
    if highest < lasting:
        return int(lasting - count)
    ahead = highest + 1 - count
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION kit_lasting(number xid8) RETURNS xid8 LANGUAGE sql IMMUTABLE PARALLEL SAFE"
            f" RETURN (number::text::bigint + {int(ahead)})::text::xid8"
        )
    return int(ahead)


def _numbered(cursor: Any) -> list[tuple[str, str]]:
    """Every column that holds a transaction's number."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND (udt_name = 'xid8' OR domain_name = 'kit_number')"
    )
    return list(cursor.fetchall())


def _highest(cursor: Any, table: str, column: str) -> int:
    cursor.execute(f'SELECT coalesce(max("{column}")::text::bigint, 0) FROM "{table}"')
    return int(cursor.fetchone()[0])


def start_sums_anew() -> list[str]:
    """Empty the derived tables, all or none; answers which."""
    tables = derived_tables()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in tables))
    return tables
