"""Adding many members at once: a roster somebody uploads, or rows a program made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.clusters.commands.allowances import refuse_more_members
from clustr.clusters.commands.enrolment import ensure_units, insert_members, lock_cluster, supplied_of
from clustr.clusters.commands.invitations import request_invitations
from clustr.clusters.policies import label_key
from clustr.clusters.refusals import RosterInvalid
from clustr.clusters.roster import RosterRow, read_roster
from clustr.clusters.types import NewMember, PaymentsPermissions, Role, RosterResult
from clustr.kit.actor import Actor
from clustr.kit.line_errors import LineErrors
from clustr.kit.tenancy import current_tenant, tenant
from clustr.people import commands as people
from clustr.people.types import Admitted

_KNOWN = """
SELECT user_id, id, role, unit_id, joined_at, left_at FROM clusters_membership
WHERE cluster_id = %s AND user_id = ANY(%s)"""

_MOVE = """
UPDATE clusters_membership m SET unit_id = moved.unit_id
FROM unnest(%s::uuid[], %s::uuid[]) AS moved (id, unit_id) WHERE m.cluster_id = %s AND m.id = moved.id"""


@dataclass(frozen=True, slots=True)
class _Known:
    id: UUID
    role: str
    unit_id: UUID | None
    joined_at: datetime
    left_at: datetime | None


@dataclass(slots=True)
class _Plan:
    """What an import will do, decided before anything is written."""

    new: list[NewMember] = field(default_factory=list)
    moves: list[tuple[UUID, RosterRow]] = field(default_factory=list)
    unchanged: int = 0


def enrol_members(*, cluster_id: UUID, members: Sequence[NewMember], now: datetime, invite: bool = False) -> list[UUID]:
    """Make these memberships, a few statements for any number of them; answers their ids in order. For demonstrations
    and programs: no permissions are asked, nothing is audited, nobody has to accept. With `invite` everybody is invited later, in batches."""
    with tenant(cluster_id):
        ids, _ = insert_members(members, invited_at=None if invite else now, now=now)
        if invite:
            request_invitations(cluster_id)
    return ids


def import_roster(*, actor: Actor, content: bytes, now: datetime) -> RosterResult:
    """Add everybody on a roster (`clustr.clusters.roster.read_roster` says how it is written), or nobody.

    Needs ManageMembers; rows of administrators, an administrator. Who is a member already stays as they are but for
    their unit, so the same file does no harm twice; who left and is listed again comes back. New members are invited
    later, in batches. Names and phones of people who are known anywhere already are theirs to change; they have to accept.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    rows = read_roster(content, zone=ZoneInfo(actor.timezone), now=now)
    with tenant(actor.cluster_id):
        lock_cluster()
        admitted = people.admit_people(rows=[(row.email, row.name, row.phone) for row in rows], now=now)
        plan = _planned(actor, rows, admitted, now)
        refuse_more_members(adding=len(plan.new))
        moved, units_before = _move(plan.moves)
        added, units_created = insert_members(plan.new, invited_at=None, now=now)
        if added:
            request_invitations(actor.cluster_id)
        result = RosterResult(
            rows=len(rows),
            created=len(added),
            updated=moved,
            unchanged=plan.unchanged + len(plan.moves) - moved,
            units_created=units_created + units_before,
        )
        _audit(actor, plan.new, added, result, now)
    return result


def _planned(actor: Actor, rows: Sequence[RosterRow], admitted: Admitted, now: datetime) -> _Plan:
    plan, errors = _Plan(), LineErrors()
    known = _known(list(admitted.ids.values()))
    for row in rows:
        if row.role == Role.ADMIN and actor.role != Role.ADMIN:
            errors.add(row.line, "role", "admin_only", "Only an administrator makes administrators.")
            continue
        user_id = admitted.ids[row.email]
        theirs = [period for period in known[user_id] if (period.role == "resident") == (row.role == Role.RESIDENT)]
        joined_at = row.joined_at or now
        present = next((p for p in theirs if p.left_at is None or p.left_at > now), None)
        if present is not None and present.role != row.role:
            errors.add(
                row.line, "role", "role_differs", "This person is {role} here; change that singly.", role=present.role
            )
        elif present is not None and row.unit:
            plan.moves.append((present.id, row))
        elif present is not None or any(
            p.joined_at <= joined_at and p.left_at and joined_at < p.left_at for p in theirs
        ):
            plan.unchanged += 1
        elif any(p.left_at and p.left_at > joined_at for p in theirs):
            errors.add(row.line, "joined_on", "periods_overlap", "This person left after that day.")
        else:
            supplied = supplied_of(user_id, admitted, email=row.email, name=row.name, phone=row.phone)
            plan.new.append(NewMember(user_id, row.role, joined_at, (), row.unit, row.unit_type, supplied))
    errors.raise_if_any(RosterInvalid, "nothing was imported")
    return plan


def _known(user_ids: list[UUID]) -> defaultdict[UUID, list[_Known]]:
    found: defaultdict[UUID, list[_Known]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [current_tenant(), user_ids])
        for user_id, *period in cursor.fetchall():
            found[user_id].append(_Known(*period))
    return found


def _move(moves: Sequence[tuple[UUID, RosterRow]]) -> tuple[int, int]:
    """Give present members the unit their row names. Answers how many had another, and how many units were new."""
    if not moves:
        return 0, 0
    units, created = ensure_units((row.unit, row.unit_type) for _, row in moves)
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE + " AND m.unit_id IS DISTINCT FROM moved.unit_id",
            [
                [membership_id for membership_id, _ in moves],
                [units[label_key(row.unit)] for _, row in moves],
                current_tenant(),
            ],
        )
        return int(cursor.rowcount), created


def _audit(actor: Actor, new: Sequence[NewMember], added: Sequence[UUID], result: RosterResult, now: datetime) -> None:
    audit.record_batch(
        actor=actor,
        action="members.added",
        subject_kind="member",
        subjects=[
            Subject(membership_id, {"user": str(member.user_id), "role": member.role.value})
            for membership_id, member in zip(added, new, strict=True)
        ],
        at=now,
    )
    audit.record(
        actor=actor,
        action="members.imported",
        subject_kind="cluster",
        subject_id=actor.cluster_id,
        at=now,
        facts={"rows": result.rows, "created": result.created, "updated": result.updated},
    )
