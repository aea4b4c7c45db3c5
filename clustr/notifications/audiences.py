"""Conditions that rooms above put on a reach, so that nothing is imported upwards: a reminder reaches who still owes."""

from __future__ import annotations

_conditions: dict[str, str] = {}


def register_condition(name: str, sql: str) -> None:
    """Name a condition: an SQL expression over the event `e` (`e.cluster_id`, `e.subject_id`) and the member's
    `m.user_id`, without parameters. Called by `apps.ready()`."""
    if _conditions.setdefault(name, sql) != sql:
        raise ValueError(f"condition {name!r} is registered already")


def known_condition(name: str) -> bool:
    return name == "" or name in _conditions


def condition_sql() -> str:
    """An SQL expression over `e` and `m`: whether the condition the event names holds of the member."""
    cases = "".join(f" WHEN '{name}' THEN ({sql})" for name, sql in sorted(_conditions.items()))
    return f"CASE e.reach_condition WHEN '' THEN true{cases} ELSE false END"
