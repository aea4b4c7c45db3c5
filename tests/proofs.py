"""The books proved again and again: what `check_books` finds in one estate, with the plans of its queries kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from clustr.kit.invariants import SHOWN, all_invariants
from tests import kept

Found = list[tuple[str, tuple[Any, ...]]]


def broken_books(cluster_id: UUID) -> Found:
    """The invariants that do not hold of this estate, by name, with the first rows that break each: none in a sound one.

    It reads as the application does: within the estate, in one snapshot.
    """
    invariants = all_invariants()
    with kept.estate("default", cluster_id):
        answers = kept.ask_each("default", [invariant.sql for invariant in invariants])
    return [(invariant.name, tuple(rows[:SHOWN])) for invariant, rows in zip(invariants, answers, strict=True) if rows]
