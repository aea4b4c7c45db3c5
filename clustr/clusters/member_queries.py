"""Reading the members of a cluster page by page, each page at the same cost however many members there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.clusters.models import Membership
from clustr.clusters.policies import label_key
from clustr.clusters.refusals import MemberNotFound
from clustr.clusters.types import Member, PaymentsPermissions, Role
from clustr.kit.actor import Actor
from clustr.kit.tenancy import current_tenant, tenant

_BEYOND = "\U0010ffff"

_WALKED_AT_MOST = 2_000
MOST_FOUND = 200
"""Members whose affairs a list is searched for at once."""

_MEMBERS = """
SELECT m.id, m.user_id, coalesce(m.supplied_name, u.name), coalesce(m.supplied_email, u.email),
  coalesce(m.supplied_phone, u.phone), n.label, n.unit_type, m.role, m.permissions, m.joined_at, m.left_at
FROM clusters_membership m
JOIN people_user u ON u.id = m.user_id
LEFT JOIN clusters_unit n ON n.cluster_id = m.cluster_id AND n.id = m.unit_id
WHERE m.cluster_id = %(cluster)s{filters}"""

# Of whom has not accepted, the estate finds what it supplied and nothing else.
_SUPPLIED = """m.supplied_email IS NOT NULL
  AND people_found_by(m.supplied_name, m.supplied_email, m.supplied_phone) @@ people_find(%(q)s)"""
_KNOWN = "m.supplied_email IS NULL AND u.search @@ people_find(%(q)s)"

_IN_ORDER = " ORDER BY m.id LIMIT %(limit)s"

# Who is found among the next members in order: fills the page at once for a question that finds many of them.
_WALK = f"""
WITH walked AS MATERIALIZED (
  SELECT m.id FROM clusters_membership m WHERE m.cluster_id = %(cluster)s{{filters}}
  ORDER BY m.id LIMIT {_WALKED_AT_MOST})
SELECT page.*, (SELECT count(*) FROM walked) FROM (SELECT 1) AS always LEFT JOIN ({_MEMBERS}
  AND m.id IN (SELECT id FROM walked)
  AND ({_KNOWN} OR {_SUPPLIED} OR n.label_key >= %(from)s AND n.label_key < %(to)s){_IN_ORDER}) AS page ON true"""

# Who is found by asking the indexes: quick for a question that finds few. The people are found before their memberships are
# looked for: of a join the planner would walk all members in order, hoping to fill the page on the way.
_ASK = f"""{_MEMBERS} AND m.id IN (
  (SELECT m.id FROM clusters_membership m
    WHERE m.cluster_id = %(cluster)s{{filters}} AND m.supplied_email IS NULL
      AND m.user_id = ANY (ARRAY(SELECT u.id FROM people_user u WHERE u.search @@ people_find(%(q)s))){_IN_ORDER})
  UNION
  (SELECT m.id FROM clusters_membership m WHERE m.cluster_id = %(cluster)s{{filters}} AND {_SUPPLIED}{_IN_ORDER})
  UNION
  (SELECT m.id FROM clusters_unit n JOIN clusters_membership m ON m.cluster_id = n.cluster_id AND m.unit_id = n.id
    WHERE m.cluster_id = %(cluster)s{{filters}} AND n.cluster_id = %(cluster)s
      AND n.label_key >= %(from)s AND n.label_key < %(to)s{_IN_ORDER})){_IN_ORDER}"""


class Presence(StrEnum):
    """Whether a membership is in force."""

    PRESENT = "present"
    LEFT = "left"


def members_of(
    *,
    actor: Actor,
    now: datetime,
    q: str = "",
    role: Role | None = None,
    presence: Presence | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Member]:
    """The memberships of the actor's cluster in the order they were made. Needs ManageMembers.

    `q` finds by the beginnings of words of the name or e-mail address, of the phone number, and of the unit's label.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    return members_for_whom(actor=actor, now=now, q=q, role=role, presence=presence, after=after, limit=limit)


def members_for_whom(
    *,
    actor: Actor,
    condition: str = "",
    values: Mapping[str, Any] | None = None,
    now: datetime,
    q: str = "",
    role: Role | None = None,
    presence: Presence | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[Member]:
    """As `members_of`, for the rooms above, who ask for the permission themselves. `condition`: what must hold besides,
    as SQL over the membership `m` that begins with AND, with its `values`."""
    filters = condition
    if after is not None:
        filters += " AND m.id > %(after)s"
    if role is not None:
        filters += " AND m.role = %(role)s"
    if presence is Presence.PRESENT:
        filters += " AND (m.left_at IS NULL OR m.left_at > %(now)s)"
    elif presence is Presence.LEFT:
        filters += " AND m.left_at <= %(now)s"
    unit = label_key(q)
    parameters = {
        **(values or {}),
        "cluster": actor.cluster_id,
        "after": after,
        "role": role,
        "now": now,
        "q": q,
        "from": unit,
        "to": unit + _BEYOND,
        "limit": limit,
    }
    if not unit:
        return [_member(row) for row in _read(actor, _MEMBERS + _IN_ORDER, filters, parameters)]
    found = _read(actor, _WALK, filters, parameters)
    hits = [row[:-1] for row in found if row[0] is not None]
    if len(hits) < limit and found[0][-1] == _WALKED_AT_MOST:
        hits = _read(actor, _ASK, filters, parameters)
    return [_member(row) for row in hits]


def who_is_found(*, actor: Actor, q: str, now: datetime) -> list[UUID]:
    """The people whom `q` finds as it does in `members_of`, the first 200: for lists of what members did. Needs
    ViewPayments."""
    actor.require(PaymentsPermissions.VIEW_PAYMENTS)
    return list({member.user_id for member in members_for_whom(actor=actor, now=now, q=q, limit=MOST_FOUND)})


_NAMES = """
SELECT u.id, coalesce(nullif(here.name, ''), here.email, nullif(u.name, ''), u.email) FROM people_user u
LEFT JOIN (
  SELECT user_id, max(supplied_name) AS name, max(supplied_email) AS email FROM clusters_membership
  WHERE cluster_id = %(cluster)s AND user_id = ANY(%(people)s) AND supplied_email IS NOT NULL GROUP BY user_id
) AS here ON here.user_id = u.id
WHERE u.id = ANY(%(people)s)
"""


def names_here(*, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What the current cluster calls each of these people: their name, or else their address; of somebody known elsewhere
    who has not accepted yet, what the cluster wrote itself. Unknown ids are left out."""
    wanted = list(set(user_ids))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"cluster": current_tenant(), "people": wanted})
        return dict(cursor.fetchall())


def units_here(*, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The unit of each of these people in the current cluster, the last where they moved; those without one are left out."""
    held = Membership.objects.filter(cluster_id=current_tenant(), user_id__in=list(user_ids), unit_id__isnull=False)
    return dict(held.order_by("joined_at").values_list("user_id", "unit__label"))


def member_of(*, actor: Actor, membership_id: UUID) -> Member:
    """One membership of the actor's cluster. Needs ManageMembers; refuses with MemberNotFound."""
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    parameters = {"cluster": actor.cluster_id, "id": membership_id, "limit": 1}
    found = _read(actor, _MEMBERS, " AND m.id = %(id)s", parameters)
    if not found:
        raise MemberNotFound
    return _member(found[0])


def _read(actor: Actor, statement: str, filters: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement.format(filters=filters), parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _member(row: tuple[Any, ...]) -> Member:
    id_, user_id, name, email, phone, unit, unit_type, role, permissions, joined_at, left_at = row
    return Member(
        id=id_,
        user_id=user_id,
        name=name,
        email=email,
        phone=phone,
        unit=unit,
        unit_type=unit_type,
        role=Role(role),
        permissions=tuple(permissions),
        joined_at=joined_at,
        left_at=left_at,
    )
