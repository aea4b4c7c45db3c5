"""What rooms above ask before a resident's period ends, so that nothing is imported upwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

DepartureCheck: TypeAlias = Callable[[UUID, datetime], None]
"""Given who leaves and when, raises a refusal or passes. Called in the cluster's transaction, after the end was written:
what the person's periods reach is what they would reach from now on."""

_departure_checks: list[DepartureCheck] = []


def register_departure_check(function: DepartureCheck) -> None:
    """Have this asked whenever a resident's period is given an end, or an earlier one. Called by `apps.ready()`."""
    if function not in _departure_checks:
        _departure_checks.append(function)


def require_may_depart(*, user_id: UUID, left_at: datetime) -> None:
    """Refuse as the first of the rooms above refuses."""
    for check in _departure_checks:
        check(user_id, left_at)
