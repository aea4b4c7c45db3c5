"""Pure rules: what somebody may do, whom a bill reaches, and what a manager may change about others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from clustr.clusters.refusals import AdminOnly, OwnMembership, PermissionNotYours
from clustr.clusters.types import FORMER, PaymentsPermissions, Period, Role, Standing
from clustr.kit.actor import Actor
from clustr.kit.errors import FieldError, InvalidValue
from clustr.people import policies as people
from clustr.people.refusals import InvalidEmail

ALL_PERMISSIONS = frozenset(permission.value for permission in PaymentsPermissions)
UNIT_LABEL_LENGTH = 100
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
    who once lived or worked there (money of theirs may still be there), else nothing."""
    seen = list(periods)
    present = [period for period in seen if period.holds_at(now)]
    if present:
        strongest = min(present, key=lambda period: _STRENGTH[Role(period.role)])
        return Standing(strongest.role, permissions_of(strongest.role, strongest.permissions))
    if any(period.joined_at <= now for period in seen):
        return Standing(FORMER)
    return None


def reaches(period: Period, *, issued_at: datetime, due_date: datetime, at_issue_only: bool) -> bool:
    """Whether a cluster-wide bill reaches this membership: the definition that the SQL of the tallies counts by."""
    if period.role != Role.RESIDENT:
        return False
    last = issued_at if at_issue_only else due_date
    return period.joined_at <= last and (period.left_at is None or period.left_at > issued_at)


def is_looser(limit: int | None, than: int | None) -> bool:
    """Whether a transfer limit lets one person do more than another one does; None is no limit."""
    return than is not None and (limit is None or limit > than)


def limit_at(now: datetime, *, limit: int | None, earlier: int | None, limit_from: datetime | None) -> int | None:
    """The transfer limit that counts now: until a raised one counts, the stricter of the two."""
    if limit_from is None or limit_from <= now:
        return limit
    return earlier if is_looser(limit, earlier) else limit


def require_may_set(actor: Actor, *, role: str, permissions: Iterable[str]) -> None:
    """Refuse unless the actor may make (or unmake) a membership of this role with these permissions."""
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    if role == Role.ADMIN and actor.role != Role.ADMIN:
        raise AdminOnly("Only an administrator makes or changes administrators.")
    beyond = sorted(frozenset(permissions) - actor.permissions)
    if beyond:
        raise PermissionNotYours("You do not hold {beyond} yourself.", beyond=", ".join(beyond))


def require_may_end_own(*, role: str, old: datetime | None, left_at: datetime | None) -> None:
    """Refuse to move the end of one's own membership, unless an administrator leaves, or leaves earlier."""
    leaves = left_at is not None and (old is None or left_at < old)
    if role != Role.ADMIN or not leaves:
        raise OwnMembership("Somebody else ends or reopens your membership; only an administrator may leave alone.")


def checked_permissions(role: Role, permissions: Iterable[str]) -> frozenset[str]:
    """The permissions as named; refuses unknown ones, and any that are granted to another role than staff."""
    granted = frozenset(permissions)
    unknown = sorted(granted - ALL_PERMISSIONS)
    if unknown:
        raise InvalidValue.of(
            "permissions", "unknown_permission", "There is no permission {named}.", named=repr(unknown[0])
        )
    if granted and role != Role.STAFF:
        raise InvalidValue.of(
            "permissions", "not_for_this_role", "Only staff are granted permissions; an admin has them all."
        )
    return granted


def checked_unit(label: str, unit_type: str) -> tuple[str, str]:
    """A unit's label and type as they are stored: one line, NFC, of bounded length."""
    label, unit_type = one_line(label), one_line(unit_type)
    if len(label) > UNIT_LABEL_LENGTH or len(unit_type) > UNIT_LABEL_LENGTH:
        raise InvalidValue.of(
            "unit",
            "too_long",
            "A unit's label and type have at most {longest} characters.",
            longest=UNIT_LABEL_LENGTH,
        )
    return label, unit_type


def checked_email(text: str, *, field: str) -> str:
    """An e-mail address as it is stored; refuses what is none, naming the field."""
    try:
        return people.normalised_email(text)
    except InvalidEmail as error:
        raise InvalidEmail(error.detail, errors=(FieldError(field, error.code, error.detail),)) from error


def one_line(text: str) -> str:
    """Text from people as it is stored: NFC, one line, without control characters."""
    return people.one_line(unicodedata.normalize("NFC", text))


def label_key(label: str) -> str:
    """A unit's label folded: by this it is unique and found."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())
