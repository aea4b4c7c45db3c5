"""Wrong versions of what migrations made: functions, views, constraints, unique indexes and triggers of the rooms. They are
read from the catalogue, so each comes with the statements that put the right one back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from tests.mutation.sql_tokens import changes, difference

ROOMS = ("ledger", "wallets", "bills", "audit", "payments")
_OURS = f"^({'|'.join(ROOMS)})_"
_FUNCTIONS = """
SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname ~ %s ORDER BY p.proname, p.oid"""
_VIEWS = """
SELECT c.relname, pg_get_viewdef(c.oid), array_to_string(c.reloptions, ', ') FROM pg_class c
WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace AND c.relname ~ %s ORDER BY c.relname"""
_CONSTRAINTS = """
SELECT k.conname, k.conrelid::regclass::text, k.contype::text, pg_get_constraintdef(k.oid) FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname ~ %s AND k.contype IN ('c', 'f', 'u') ORDER BY k.conname"""
_INDEXES = """
SELECT c.relname, i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND c.relname ~ %s
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid) ORDER BY c.relname"""
_TRIGGERS = """
SELECT t.tgname, t.tgrelid::regclass::text, t.tgenabled = 'A' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace AND c.relname ~ %s ORDER BY c.relname, t.tgname"""


def mutants(server: psycopg.Connection) -> Iterator[dict[str, Any]]:
    """`apply` and `undo` are statements; `tables` or `function` says what is concerned, for the choice of tests."""

    def rows(query: str) -> list[tuple[Any, ...]]:
        return server.execute(query, (_OURS,)).fetchall()

    for name, definition in rows(_FUNCTIONS):
        head, _, body = definition.partition("AS $")
        for wrong, *said in _versions(body):
            yield _mutant(name, said, [f"{head}AS ${wrong}"], [definition])
    for name, definition, options in rows(_VIEWS):
        head = f"CREATE OR REPLACE VIEW {name}{f' WITH ({options})' if options else ''} AS "
        for wrong, *said in _versions(definition):
            yield _mutant(name, said, [head + wrong], [head + definition])
    for name, table, kind, definition in rows(_CONSTRAINTS):
        drop = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
        add = f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        unproved = "" if kind == "u" or "NOT VALID" in definition else " NOT VALID"
        back = [drop, add + definition + unproved]
        yield _mutant(name, [definition, "dropped", "drop"], [drop], back, table)
        if kind == "c":
            for wrong, *said in _versions(definition):
                yield _mutant(name, said, [drop, add + wrong + unproved], back, table)
    for name, table, definition in rows(_INDEXES):
        yield _mutant(name, [definition, "dropped", "drop"], [f"DROP INDEX {name}"], [definition], table)
    for name, table, always in rows(_TRIGGERS):
        off, on = f"ALTER TABLE {table} DISABLE TRIGGER {name}", "ENABLE ALWAYS" if always else "ENABLE"
        yield _mutant(
            f"{table}.{name}",
            ["trigger", "disabled", "disable"],
            [off],
            [f"ALTER TABLE {table} {on} TRIGGER {name}"],
            table,
        )


def _versions(text: str) -> Iterator[tuple[str, str, str, str]]:
    for change in changes(text):
        wrong = change.apply(text)
        _, was, now = difference(text, wrong)
        yield wrong, was, now, change.what


def _mutant(name: str, said: list[str], apply: list[str], undo: list[str], table: str = "") -> dict[str, Any]:
    was, now, what = said
    room = next(room for room in ROOMS if name.startswith(room))
    return {
        "module": f"clustr/{room}/migrations (SQL)",
        "function": name,
        "was": was,
        "now": now,
        "what": what,
        "apply": apply,
        "undo": undo,
        "table": table,
    }
