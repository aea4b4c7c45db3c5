"""What must hold of the database's own walls at every moment."""

from __future__ import annotations

from django.conf import settings

from clustr.kit.invariants import Invariant

_APP = settings.ROLE_APP.replace("'", "''")

_APART = """SELECT DISTINCT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
           WHERE p.polname = 'tenant' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"""
_APPEND_ONLY = f"""SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t
           WHERE t.tgname IN ('append_only', 'append_only_truncate')
             AND (t.tgenabled <> 'A' OR has_table_privilege('{_APP}', t.tgrelid, 'UPDATE, DELETE, TRUNCATE'))"""

INVARIANTS = [
    Invariant(
        "kit.clusters_apart",
        "Row-level security is forced on every table that has a cluster's policy.",
        _APART,
        _APART,
    ),
    Invariant(
        "kit.append_only",
        "What is append-only refuses change: the triggers are on, and the runtime role has no privilege.",
        _APPEND_ONLY,
        _APPEND_ONLY,
    ),
]
