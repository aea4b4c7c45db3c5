"""Making memberships, one or a million, in a few statements; what every command of this room shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection

from clustr.clusters.policies import label_key
from clustr.clusters.refusals import AlreadyMember, ClusterNotFound, LastAdmin, PeriodsOverlap
from clustr.clusters.types import NewMember, Supplied
from clustr.kit.errors import InvalidValue, Refusal
from clustr.kit.ids import new_id
from clustr.kit.tenancy import current_tenant
from clustr.people.policies import one_line
from clustr.people.types import Admitted

_AT_ONCE = 20_000

_UNITS = """
INSERT INTO clusters_unit (cluster_id, id, label, label_key, unit_type)
SELECT %s, id, label, label_key, unit_type
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS unit (id, label, label_key, unit_type)
ON CONFLICT (cluster_id, label_key) DO NOTHING"""

_MEMBERS = """
INSERT INTO clusters_membership
  (cluster_id, id, user_id, unit_id, role, permissions, joined_at, previous_left_at, invited_at,
   accepted_at, supplied_email, supplied_name, supplied_phone)
SELECT %s, new.id, new.user_id, new.unit_id, new.role, string_to_array(new.permissions, ' '), new.joined_at,
  (SELECT max(m.left_at) FROM clusters_membership m
    WHERE m.user_id = new.user_id AND m.cluster_id = %s AND m.resident = (new.role = 'resident')),
  %s, CASE WHEN standing.accepted THEN %s::timestamptz END, CASE WHEN NOT standing.accepted THEN new.email END,
  CASE WHEN NOT standing.accepted THEN new.name END, CASE WHEN NOT standing.accepted THEN new.phone END
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[],
            %s::text[], %s::text[], %s::text[])
  AS new (id, user_id, unit_id, role, permissions, joined_at, email, name, phone)
CROSS JOIN LATERAL (SELECT CASE WHEN new.email IS NULL THEN true ELSE EXISTS (SELECT FROM clusters_membership m
  WHERE m.user_id = new.user_id AND m.cluster_id = %s AND m.accepted_at IS NOT NULL) END AS accepted) AS standing"""

_ADMIN_REMAINS = """
SELECT EXISTS (SELECT FROM clusters_membership m JOIN people_user u ON u.id = m.user_id
  WHERE m.cluster_id = %s AND m.role = 'admin' AND m.left_at IS NULL AND u.is_active)"""


def lock_cluster() -> None:
    """Let one command at a time change who belongs to the cluster under way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM clusters_cluster WHERE id = %s FOR NO KEY UPDATE", [current_tenant()])
        if cursor.fetchone() is None:
            raise ClusterNotFound


def ensure_units(units: Iterable[tuple[str, str]]) -> tuple[dict[str, UUID], int]:
    """Make sure that these (label, type) exist; every label's id by its key, and how many units were new.

    A unit that is known keeps its type.
    """
    wanted = {label_key(label): (label, unit_type) for label, unit_type in units if label}
    if not wanted:
        return {}, 0
    keys = sorted(wanted)
    cluster_id = current_tenant()
    with connection.cursor() as cursor:
        cursor.execute(
            _UNITS,
            [
                cluster_id,
                [new_id() for _ in keys],
                [wanted[key][0] for key in keys],
                keys,
                [wanted[key][1] for key in keys],
            ],
        )
        created = int(cursor.rowcount)
        cursor.execute(
            "SELECT label_key, id FROM clusters_unit WHERE cluster_id = %s AND label_key = ANY(%s)", [cluster_id, keys]
        )
        return dict(cursor.fetchall()), created


def insert_members(
    members: Sequence[NewMember], *, invited_at: datetime | None, now: datetime
) -> tuple[list[UUID], int]:
    """Make these memberships in the cluster under way, set by set. Answers their ids, in order, and the new units.

    Refuses with AlreadyMember (an open membership of the same kind) and PeriodsOverlap.
    """
    ids: list[UUID] = []
    units_created = 0
    cluster_id = current_tenant()
    for start in range(0, len(members), _AT_ONCE):
        batch = members[start : start + _AT_ONCE]
        units, created = ensure_units((member.unit, member.unit_type) for member in batch)
        fresh = [new_id() for _ in batch]
        with constraints_named(), connection.cursor() as cursor:
            cursor.execute(
                _MEMBERS,
                [
                    cluster_id,
                    cluster_id,
                    invited_at,
                    now,
                    fresh,
                    [member.user_id for member in batch],
                    [units[label_key(member.unit)] if member.unit else None for member in batch],
                    [member.role.value for member in batch],
                    [" ".join(sorted(member.permissions)) for member in batch],
                    [member.joined_at for member in batch],
                    [member.supplied.email if member.supplied else None for member in batch],
                    [member.supplied.name if member.supplied else None for member in batch],
                    [member.supplied.phone if member.supplied else None for member in batch],
                    cluster_id,
                ],
            )
        ids += fresh
        units_created += created
    return ids, units_created


def supplied_of(user_id: UUID, people: Admitted, *, email: str, name: str, phone: str) -> Supplied | None:
    """What to keep of what an estate says of somebody: nothing if they are new, for then they are called so."""
    return None if user_id in people.new else Supplied(email, one_line(name), one_line(phone))


def require_an_admin() -> None:
    """Refuse with LastAdmin unless somebody active still manages the cluster, with no end in sight."""
    with connection.cursor() as cursor:
        cursor.execute(_ADMIN_REMAINS, [current_tenant()])
        if not cursor.fetchone()[0]:
            raise LastAdmin


@contextmanager
def constraints_named() -> Iterator[None]:
    """Turn a broken constraint of the memberships' chains into its refusal."""
    try:
        yield
    except IntegrityError as error:
        refusal = _REFUSALS.get(error.__cause__.diag.constraint_name or "")  # type: ignore[union-attr]
        if refusal is None:
            raise
        raise refusal from error


_REFUSALS: dict[str, Refusal | type[Refusal]] = {
    "clusters_membership_one_open": AlreadyMember,
    "clusters_membership_one_follower": PeriodsOverlap,
    "clusters_membership_after_the_one_before": PeriodsOverlap,
    "clusters_membership_leaves_after_joining": InvalidValue.of(
        "left_at", "leaves_before_joining", "A membership ends after it began."
    ),
}
