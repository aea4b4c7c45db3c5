"""Adding a member, changing what they are, and ending their membership."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.clusters.commands.allowances import refuse_more_members
from clustr.clusters.commands.enrolment import (
    constraints_named,
    ensure_units,
    insert_members,
    lock_cluster,
    require_an_admin,
    supplied_of,
)
from clustr.clusters.commands.invitations import invite_to_cluster
from clustr.clusters.guards import require_may_depart
from clustr.clusters.models import Membership, Unit
from clustr.clusters.policies import (
    checked_email,
    checked_permissions,
    checked_unit,
    label_key,
    require_may_end_own,
    require_may_set,
)
from clustr.clusters.refusals import MemberNotFound, MembershipEnded, OwnMembership, PeriodsOverlap
from clustr.clusters.types import AS_IS, MemberChanges, NewMember, PaymentsPermissions, Role, Supplied
from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import current_tenant, tenant
from clustr.people import commands as people

_MOVE_END = """
UPDATE clusters_membership SET
  left_at = CASE WHEN id = %(id)s THEN %(left_at)s::timestamptz ELSE left_at END,
  previous_left_at = CASE WHEN id = %(id)s THEN previous_left_at ELSE %(left_at)s::timestamptz END
WHERE cluster_id = %(cluster_id)s AND (id = %(id)s OR
  user_id = %(user_id)s AND resident = %(resident)s AND previous_left_at = %(old_left_at)s::timestamptz)"""


def invite_member(
    *,
    actor: Actor,
    email: str,
    name: str,
    role: Role,
    now: datetime,
    phone: str = "",
    permissions: Iterable[str] = (),
    unit: str = "",
    unit_type: str = "",
    joined_at: datetime | None = None,
) -> UUID:
    """Add a person to the actor's cluster and invite them by mail. Answers the membership's id.

    Needs ManageMembers; only an administrator makes administrators, and nobody grants what they do not hold. Whom others
    knew before stays as they are, and has to accept. Somebody who left and comes back gets a new period. Refuses with AlreadyMember,
    PeriodsOverlap, and InvalidValue where the unit is known as one of another type.
    """
    granted = checked_permissions(role, permissions)
    require_may_set(actor, role=role, permissions=granted)
    joined_at = _not_in_future("joined_at", joined_at or now, now)
    unit, unit_type = checked_unit(unit, unit_type)
    email = checked_email(email, field="email")
    with tenant(actor.cluster_id):
        lock_cluster()
        refuse_more_members(adding=1)
        _refuse_other_type(unit, unit_type)
        admitted = people.admit_people(rows=[(email, name, phone)], now=now)
        (user_id,) = admitted.ids.values()
        supplied = supplied_of(user_id, admitted, email=email, name=name, phone=phone)
        member = NewMember(user_id, role, joined_at, tuple(sorted(granted)), unit, unit_type, supplied)
        ((membership_id,), _) = insert_members([member], invited_at=now, now=now)
        invite_to_cluster(Membership.objects.get(cluster_id=actor.cluster_id, id=membership_id), now)
        facts = {"user": str(user_id), "role": role.value, "permissions": sorted(granted)}
        _audit(actor, "members.added", membership_id, now, facts | {"joined_at": joined_at.isoformat()})
    return membership_id


def _refuse_other_type(unit: str, unit_type: str) -> None:
    """A unit that is known keeps its type: whoever names another is told."""
    known = Unit.objects.filter(cluster_id=current_tenant(), label_key=label_key(unit)).first() if unit_type else None
    if known is not None and known.unit_type != unit_type:
        if not known.unit_type:
            raise InvalidValue.of(
                "unit_type",
                "unit_has_its_type",
                "This unit has its type already (none is known). Leave `unit_type` out.",
            )
        raise InvalidValue.of(
            "unit_type",
            "unit_has_its_type",
            "This unit has its type already (it is: {known}). Leave `unit_type` out.",
            known=known.unit_type,
        )


def update_member(
    *, actor: Actor, membership_id: UUID, changes: MemberChanges, now: datetime, reason: str = ""
) -> UUID:
    """Change a membership's role, permissions, unit or end. Answers the id of the membership that now stands: a change
    between resident and management closes one period and opens another.

    Needs ManageMembers. Nobody changes their own role, permissions or end (but an administrator may leave), only an
    administrator changes administrators, and nobody grants, takes away, ends or brings back what they do not hold.
    Refuses with LastAdmin, MembershipEnded and PeriodsOverlap.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    with tenant(actor.cluster_id):
        lock_cluster()
        member = Membership.objects.select_for_update().filter(cluster_id=actor.cluster_id, id=membership_id).first()
        if member is None:
            raise MemberNotFound
        stands = membership_id
        if changes.unit is not AS_IS or changes.unit_type is not AS_IS:
            _require_present(member, now)
            _change_unit(actor, member, changes, now)
        if changes.role is not AS_IS or changes.permissions is not AS_IS:
            _require_present(member, now)
            stands = _change_role(actor, member, changes, now, reason)
        if changes.left_at is not AS_IS:
            _change_end(actor, stands, changes.left_at, now, reason)
        if member.role == Role.ADMIN:
            require_an_admin()
    return stands


def change_own_name(*, actor: Actor, name: str, now: datetime) -> None:
    """Change one's own name, which every estate of theirs then shows. The trail says that it changed; what it was and is
    stands in no trail, which forgets nobody. Refuses `InvalidPerson`."""
    with tenant(actor.cluster_id):
        people.change_name(user_id=actor.member_id, name=name)
        audit.record(actor=actor, action="people.name_changed", subject_kind="user", subject_id=actor.member_id, at=now)


def end_membership(*, actor: Actor, membership_id: UUID, left_at: datetime, now: datetime, reason: str = "") -> None:
    """End a membership, now or at a coming instant. What applied to a resident until then stays theirs to pay."""
    update_member(
        actor=actor, membership_id=membership_id, changes=MemberChanges(left_at=left_at), now=now, reason=reason
    )


def _change_role(actor: Actor, member: Membership, changes: MemberChanges, now: datetime, reason: str) -> UUID:
    old_role, role = Role(member.role), member.role if changes.role is AS_IS else changes.role
    role = Role(role)
    if changes.permissions is AS_IS:
        granted = frozenset(member.permissions) if role == old_role else frozenset()
    else:
        granted = checked_permissions(role, changes.permissions)
    if role == old_role and granted == frozenset(member.permissions):
        return member.id
    if member.user_id == actor.user_id:
        raise OwnMembership
    require_may_set(actor, role=old_role, permissions=())
    require_may_set(actor, role=role, permissions=granted ^ frozenset(member.permissions))
    facts = {
        "user": str(member.user_id),
        "role": [old_role.value, role.value],
        "permissions": [sorted(member.permissions), sorted(granted)],
    }
    if (role == Role.RESIDENT) == (old_role == Role.RESIDENT):
        Membership.objects.filter(cluster_id=actor.cluster_id, id=member.id).update(
            role=role.value, permissions=sorted(granted)
        )
        stands = member.id
    else:
        move_end(member, now)
        if member.resident:
            require_may_depart(user_id=member.user_id, left_at=now)
        unit = member.unit
        moved = NewMember(
            member.user_id, role, now, tuple(sorted(granted)), unit.label if unit else "", supplied=_supplied(member)
        )
        ((stands,), _) = insert_members([moved], invited_at=member.invited_at or now, now=now)
        facts["continues"] = str(member.id)
    _audit(actor, "members.role_changed", stands, now, facts, reason)
    return stands


def _supplied(member: Membership) -> Supplied | None:
    if member.supplied_email is None:
        return None
    return Supplied(member.supplied_email, member.supplied_name or "", member.supplied_phone or "")


def _change_unit(actor: Actor, member: Membership, changes: MemberChanges, now: datetime) -> None:
    present = member.unit
    label = (present.label if present else "") if changes.unit is AS_IS else changes.unit
    given_type = "" if changes.unit_type is AS_IS else changes.unit_type
    label, unit_type = checked_unit(label, given_type)
    units, _ = ensure_units([(label, unit_type)])
    unit_id = units[label_key(label)] if label else None
    if unit_id is not None and changes.unit_type is not AS_IS:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE clusters_unit SET unit_type = %s WHERE cluster_id = %s AND id = %s AND unit_type <> %s",
                [unit_type, actor.cluster_id, unit_id, unit_type],
            )
    old = member.unit_id
    Membership.objects.filter(cluster_id=actor.cluster_id, id=member.id).update(unit_id=unit_id)
    member.unit_id = unit_id
    facts = {"unit": [str(old) if old else None, str(unit_id) if unit_id else None]}
    _audit(actor, "members.unit_changed", member.id, now, facts)


def _change_end(actor: Actor, membership_id: UUID, left_at: datetime | None, now: datetime, reason: str) -> None:
    member = Membership.objects.get(cluster_id=actor.cluster_id, id=membership_id)
    require_may_set(actor, role=member.role, permissions=member.permissions)
    old = member.left_at
    if old == left_at:
        return
    if member.user_id == actor.user_id:
        require_may_end_own(role=member.role, old=old, left_at=left_at)
    move_end(member, left_at)
    if member.resident and left_at is not None and (old is None or left_at < old):
        require_may_depart(user_id=member.user_id, left_at=left_at)
    facts = {
        "user": str(member.user_id),
        "role": member.role,
        "left_at": [old.isoformat() if old else None, left_at.isoformat() if left_at else None],
    }
    _audit(actor, "members.ended" if left_at else "members.reopened", member.id, now, facts, reason)


def move_end(member: Membership, left_at: datetime | None) -> None:
    """Move a period's end, and with it what the next period of the same person knows of it."""
    follower = Membership.objects.filter(
        user_id=member.user_id, cluster_id=member.cluster_id, resident=member.resident, joined_at__gt=member.joined_at
    ).order_by("joined_at")[:1]
    if any(left_at is None or left_at > after.joined_at for after in follower):
        raise PeriodsOverlap
    values: dict[str, Any] = {
        "id": member.id,
        "cluster_id": member.cluster_id,
        "user_id": member.user_id,
        "resident": member.resident,
        "left_at": left_at,
        "old_left_at": member.left_at,
    }
    with constraints_named(), connection.cursor() as cursor:
        cursor.execute(_MOVE_END, values)
    member.left_at = left_at


def _require_present(member: Membership, now: datetime) -> None:
    if member.left_at is not None and member.left_at <= now:
        raise MembershipEnded


def _not_in_future(field: str, instant: datetime, now: datetime) -> datetime:
    if instant > now:
        raise InvalidValue.of(field, "in_future", "A membership begins now or began before.")
    return instant


def _audit(
    actor: Actor, action: str, membership_id: UUID, now: datetime, facts: dict[str, Any], reason: str = ""
) -> None:
    audit.record(
        actor=actor, action=action, subject_kind="member", subject_id=membership_id, at=now, reason=reason, facts=facts
    )
