"""Pure rules: what somebody may do, whom a bill reaches, and what a manager may change about others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clustr.clusters.refusals import AdminOnly, PermissionNotYours
from clustr.clusters.types import FORMER, PaymentsPermissions, Period, Role, Standing
from clustr.kit.actor import Actor

ALL_PERMISSIONS = frozenset(permission.value for permission in PaymentsPermissions)
_STRENGTH = {Role.ADMIN: 0, Role.STAFF: 1, Role.RESIDENT: 2}


def permissions_of(role: str, granted: Iterable[str]) -> frozenset[str]:
    """What a role may do: an admin everything, staff what was granted, anyone else nothing."""
    if role == Role.ADMIN:
        return ALL_PERMISSIONS
    if role == Role.STAFF:
        return frozenset(granted) & ALL_PERMISSIONS
    return frozenset()


def standing(periods: Iterable[Period], now: datetime) -> Standing | None:
    """What the periods of one person in one cluster make of them now: the strongest present role, else `former` for
    somebody who once lived there, else nothing."""
    seen = list(periods)
    present = [period for period in seen if period.holds_at(now)]
    if present:
        strongest = min(present, key=lambda period: _STRENGTH[Role(period.role)])
        return Standing(strongest.role, permissions_of(strongest.role, strongest.permissions))
    if any(period.role == Role.RESIDENT and period.joined_at <= now for period in seen):
        return Standing(FORMER)
    return None


def reaches(period: Period, *, issued_at: datetime, due_date: datetime, at_issue_only: bool) -> bool:
    """Whether a cluster-wide bill reaches this membership: the definition that the SQL of the tallies counts by."""
    if period.role != Role.RESIDENT:
        return False
    last = issued_at if at_issue_only else due_date
    return period.joined_at <= last and (period.left_at is None or period.left_at > issued_at)


def require_may_set(actor: Actor, *, role: str, permissions: Iterable[str]) -> None:
    """Refuse unless the actor may make (or unmake) a membership of this role with these permissions."""
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    if role == Role.ADMIN and actor.role != Role.ADMIN:
        raise AdminOnly("Only an administrator makes or changes administrators.")
    beyond = sorted(frozenset(permissions) - actor.permissions)
    if beyond:
        raise PermissionNotYours(f"You do not hold {', '.join(beyond)} yourself.")
