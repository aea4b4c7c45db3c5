"""After a dump was restored into another server: sums that are closed over transaction ids start anew.

Checkpoints say "everything below transaction id N is in this sum". Another server counts its transactions from the
beginning, so that new rows would fall below N and be missed. The sums are derived, so they are emptied and fill again.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

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
                f'SELECT EXISTS (SELECT FROM "{table}" WHERE horizon > pg_snapshot_xmax(pg_current_snapshot()))'
            )
            if cursor.fetchone() == (True,):
                return True
    return False


def start_sums_anew() -> list[str]:
    """Empty the derived tables, all or none; answers which."""
    tables = derived_tables()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f'"{table}"' for table in tables))
    return tables
