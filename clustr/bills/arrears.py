"""Who has not paid: members with something overdue, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.directory import standing_condition
from clustr.bills.queries import STATUS_SQL
from clustr.bills.types import MemberStatus
from clustr.clusters.member_queries import members_for_whom
from clustr.clusters.types import Member
from clustr.kit.actor import Actor
from clustr.kit.money import Money


@dataclass(frozen=True, slots=True)
class Debtor:
    """A resident, or one who left, with overdue bills: how many, how much in all, since when."""

    member: Member
    bills: int
    overdue: Money
    oldest_due_date: datetime


# Who left still owes; who left and came back is listed once, by the period that follows all others.
_LATEST_PERIOD = """ AND m.role = 'resident' AND (m.left_at IS NULL OR NOT (SELECT EXISTS (
  SELECT 1 FROM clusters_membership f WHERE f.cluster_id = m.cluster_id AND f.user_id = m.user_id AND f.resident
    AND f.previous_left_at = m.left_at)))"""

_OWED = f"""
SELECT w.member, count(*), sum(o.due_minor - o.paid_minor), min(o.due_date)
FROM unnest(%(members)s::uuid[]) AS w(member)
CROSS JOIN LATERAL (
  SELECT due_minor, paid_minor, due_date FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = w.member
    AND category = 'cluster_managed' AND {STATUS_SQL} = 'overdue' OFFSET 0) AS o
GROUP BY 1"""


def members_in_arrears(
    *, actor: Actor, now: datetime, q: str = "", after: UUID | None = None, limit: int = 50
) -> list[Debtor]:
    """The members with overdue bills, in the order they were added; needs ViewPayments. `after` is the membership read
    last. A disputed bill is not among what they owe until the dispute is decided."""
    actor.require("ViewPayments")
    members = members_for_whom(
        actor=actor,
        condition=_LATEST_PERIOD + standing_condition(MemberStatus.OVERDUE),
        values={"status": MemberStatus.OVERDUE},
        now=now,
        q=q,
        after=after,
        limit=limit,
    )
    with connection.cursor() as cursor:
        cursor.execute(_OWED, {"members": [row.user_id for row in members], "cluster": actor.cluster_id, "now": now})
        owed = {row[0]: row[1:] for row in cursor.fetchall()}
    return [
        Debtor(
            member,
            owed[member.user_id][0],
            Money(int(owed[member.user_id][1]), actor.currency),
            owed[member.user_id][2],
        )
        for member in members
        if member.user_id in owed
    ]
