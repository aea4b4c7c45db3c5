"""The cluster's members with how they stand with their bills: the office's member list and its hover card."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.bills.queries import STATUS_SQL
from clustr.bills.types import MemberStatus
from clustr.clusters.member_queries import Presence, members_for_whom
from clustr.clusters.types import Member
from clustr.kit.actor import Actor
from clustr.kit.money import Money


@dataclass(frozen=True, slots=True)
class BillStatusCard:
    """How one member stands with all their bills, for the hover card. Counts by status; `outstanding` in money;
    `next_due_date` of what is still to be paid and not overdue."""

    counts: dict[MemberStatus, int]
    outstanding: Money
    next_due_date: datetime | None


@dataclass(frozen=True, slots=True)
class ListedMember:
    """One present membership, and how its person stands with their bills."""

    member: Member
    bill_status: BillStatusCard


_STANDS = f"""(SELECT EXISTS (
  SELECT 1 FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = m.user_id
    AND category = 'cluster_managed' AND {STATUS_SQL} = %(status)s))"""

# By way of an array, whose length PostgreSQL does not estimate: it then always looks people up in a hash of it, where a
# long list would be searched row by row.
_ONE_OF = "m.user_id IN (SELECT unnest(ARRAY({})))"
_SOME_BILL = "EXISTS (SELECT 1 FROM bills_bill WHERE cluster_id = %(cluster)s AND {})"
_POSSIBLE = {
    MemberStatus.DISPUTED: _ONE_OF.format(
        "SELECT user_id FROM bills_dispute WHERE cluster_id = %(cluster)s AND state = 'open'"
    ),
    MemberStatus.ACKNOWLEDGED: _ONE_OF.format(
        "SELECT k.user_id FROM bills_acknowledgment k WHERE k.cluster_id = %(cluster)s AND NOT EXISTS"
        " (SELECT 1 FROM bills_memberbill p WHERE p.cluster_id = k.cluster_id AND p.bill_id = k.bill_id"
        " AND p.user_id = k.user_id AND p.paid_minor > 0)"
    ),
    MemberStatus.PARTIALLY_PAID: _ONE_OF.format(
        "SELECT p.user_id FROM bills_memberbill p JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id"
        " WHERE p.cluster_id = %(cluster)s AND p.paid_minor > 0 AND p.paid_minor < b.amount_minor"
    ),
    MemberStatus.PAID: _ONE_OF.format(
        "SELECT user_id FROM bills_memberbill WHERE cluster_id = %(cluster)s AND paid_minor > 0"
        " UNION SELECT user_id FROM bills_adjustment WHERE cluster_id = %(cluster)s"
    ),
    MemberStatus.OVERDUE: _SOME_BILL.format("cancelled_at IS NULL AND due_date < %(now)s"),
    MemberStatus.CANCELLED: _SOME_BILL.format("cancelled_at IS NOT NULL"),
}
"""Who could stand so at all: where few can, those few are looked at, not everybody."""


def members_with_bill_status(
    *,
    actor: Actor,
    now: datetime,
    q: str = "",
    status: MemberStatus | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[ListedMember]:
    """The present members, in the order they were added; needs ViewPayments. `after` is the membership read last.

    `q` finds by the beginnings of words of the name or e-mail address, of the phone number, and of the unit's label.
    `status`: members with at least one bill that stands so.
    """
    actor.require("ViewPayments")
    rows = members_for_whom(
        actor=actor,
        condition=standing_condition(status) if status else "",
        values={"status": status},
        now=now,
        q=q,
        presence=Presence.PRESENT,
        after=after,
        limit=limit,
    )
    cards = bill_status_of(actor=actor, user_ids={row.user_id for row in rows}, now=now)
    return [ListedMember(row, cards[row.user_id]) for row in rows]


def standing_condition(status: MemberStatus) -> str:
    """Whether the membership `m` has a bill that stands as `%(status)s`, as SQL that begins with AND. CASE keeps the order:
    the costly question is asked of those alone whom the cheap one leaves."""
    return f" AND CASE WHEN {_POSSIBLE.get(status, 'true')} THEN {_STANDS} ELSE false END"


def bill_status_of(*, actor: Actor, user_ids: Collection[UUID], now: datetime) -> dict[UUID, BillStatusCard]:
    """The bill status of each of these members, in one query; needs ViewPayments. What members buy from utilities is
    theirs, and not in it."""
    actor.require("ViewPayments")
    rows = _rows(
        f"""
        SELECT w.member, o.status, count(*), sum(o.remaining),
               min(o.due_date) FILTER (WHERE o.due_date >= %(now)s)
        FROM unnest(%(members)s::uuid[]) AS w(member)
        CROSS JOIN LATERAL (
          SELECT {STATUS_SQL} AS status, greatest(0, due_minor - paid_minor) AS remaining, due_date
          FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = w.member
            AND category = 'cluster_managed' OFFSET 0) AS o
        GROUP BY 1, 2
        """,
        {"members": list(user_ids), "cluster": actor.cluster_id, "now": now},
    )
    cards = {
        user_id: BillStatusCard(dict.fromkeys(MemberStatus, 0), Money(0, actor.currency), None) for user_id in user_ids
    }
    settled = (MemberStatus.CANCELLED, MemberStatus.PAID)
    for user_id, status, count, remaining, due_date in rows:
        card = cards[user_id]
        card.counts[MemberStatus(status)] = count
        if status in settled:
            continue
        dates = [date for date in (card.next_due_date, due_date) if date is not None]
        cards[user_id] = BillStatusCard(
            card.counts,
            card.outstanding + Money(int(remaining), actor.currency),
            min(dates, default=None),
        )
    return cards


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
