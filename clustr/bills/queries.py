"""Bills as one member has them. What the office sees is in `office_queries`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.bills.refusals import BillNotFound
from clustr.bills.states import can_acknowledge, can_pay, member_status
from clustr.bills.types import (
    BillCategory,
    BillSummary,
    BillType,
    MemberBillView,
    MemberStatus,
    Standing,
    StatusLine,
)
from clustr.kit.actor import Actor
from clustr.kit.money import Money

OWED_COLUMNS = (
    "id, bill_number, title, description, type, category, amount_minor, currency, due_date, issued_at, user_id,"
    " allow_payment_after_due, version, terms_digest, cancelled_at, due_minor, paid_minor, acknowledged_at, dispute_id"
)
"""The columns of SQL's `bills_owed` that `member_bill_view` reads, in its order."""

_READERS: dict[str, Any] = {
    "id": UUID,
    "user_id": UUID,
    "dispute_id": UUID,
    "terms_digest": bytes.fromhex,
    **dict.fromkeys(("due_date", "issued_at", "cancelled_at", "acknowledged_at"), datetime.fromisoformat),
}
_READ = [_READERS.get(column.strip()) for column in OWED_COLUMNS.split(",")]

STATUS_SQL = (
    "bills_status(cancelled_at IS NOT NULL, due_minor, paid_minor, dispute_id IS NOT NULL, due_date,"
    " acknowledged_at IS NOT NULL, %(now)s)"
)


CALLED = " AND (strpos(lower(title), lower(%(q)s)) > 0 OR strpos(lower(bill_number), lower(%(q)s)) > 0)"
"""Narrows `bills_owed` to what a search is for: part of the title or of the number."""


@dataclass(frozen=True, slots=True)
class MemberBillFilter:
    """Which of a member's bills; each None means any. `q`: part of the title or of the number."""

    status: MemberStatus | None = None
    type: BillType | None = None
    category: BillCategory | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class Payable:
    """What one member could pay now on bills of one type, in minor units, and how many more they have to acknowledge."""

    minor: int
    to_acknowledge: int


def bills_visible_to(
    *, actor: Actor, chosen: MemberBillFilter, now: datetime, before: UUID | None = None, limit: int = 50
) -> list[MemberBillView]:
    """The member's bills, cluster-wide and their own, newest first; `before` is the id of the last one read."""
    statement = f"SELECT {OWED_COLUMNS} FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = %(member)s"
    if before:
        statement += " AND id < %(before)s"
    if chosen.type:
        statement += " AND type = %(type)s"
    if chosen.category:
        statement += " AND category = %(category)s"
    if chosen.q:
        statement += CALLED
    if chosen.status:
        statement += f" AND {STATUS_SQL} = %(status)s"
    rows = _rows(
        statement + " ORDER BY id DESC LIMIT %(limit)s",
        {
            "cluster": actor.cluster_id,
            "member": actor.member_id,
            "before": before,
            "type": chosen.type,
            "category": chosen.category,
            "status": chosen.status,
            "q": chosen.q,
            "now": now,
            "limit": limit,
        },
    )
    return [member_bill_view(row, now=now) for row in rows]


def bills_to_settle(*, actor: Actor, now: datetime, limit: int = 5) -> list[MemberBillView]:
    """What the member still owes the estate, what is due first standing first."""
    rows = _rows(
        f"SELECT {OWED_COLUMNS} FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = %(member)s"
        " AND category = 'cluster_managed' AND cancelled_at IS NULL AND paid_minor < due_minor"
        " ORDER BY due_date, id LIMIT %(limit)s",
        {"cluster": actor.cluster_id, "member": actor.member_id, "limit": limit},
    )
    return [member_bill_view(row, now=now) for row in rows]


def bill_visible_to(*, actor: Actor, bill_id: UUID, now: datetime) -> MemberBillView:
    """One bill as the member has it. Refuses `BillNotFound`, also where it is somebody else's."""
    found = bill_of_member(cluster_id=actor.cluster_id, user_id=actor.member_id, bill_id=bill_id, now=now)
    if found is None:
        raise BillNotFound
    return found


def bill_of_member(*, cluster_id: UUID, user_id: UUID, bill_id: UUID, now: datetime) -> MemberBillView | None:
    """One bill as this member has it, or None where it does not apply to them."""
    rows = _rows(
        f"SELECT {OWED_COLUMNS} FROM bills_owed WHERE cluster_id = %(cluster)s AND id = %(bill)s"
        " AND member_id = %(member)s",
        {"cluster": cluster_id, "bill": bill_id, "member": user_id},
    )
    return member_bill_view(rows[0], now=now) if rows else None


def bill_summary(*, actor: Actor, now: datetime) -> BillSummary:
    """The member's bills counted and summed by status, what is still to be paid, and when next. What is being bought from a
    utility is held already: nobody has to pay it."""
    rows = _rows(
        f"SELECT {STATUS_SQL} AS status, count(*), sum(CASE WHEN cancelled_at IS NULL THEN due_minor ELSE 0 END), sum(paid_minor),"
        " sum(CASE WHEN category = 'cluster_managed' THEN greatest(0, due_minor - paid_minor) ELSE 0 END),"
        " min(due_date) FILTER (WHERE category = 'cluster_managed' AND due_date >= %(now)s)"
        " FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = %(member)s GROUP BY 1",
        {"cluster": actor.cluster_id, "member": actor.member_id, "now": now},
    )
    found = {row[0]: row for row in rows}
    lines = tuple(
        StatusLine(
            status=status,
            count=found[status][1] if status in found else 0,
            amount_due=Money(int(found[status][2]) if status in found else 0, actor.currency),
            amount_paid=Money(int(found[status][3]) if status in found else 0, actor.currency),
        )
        for status in MemberStatus
    )
    to_pay = [row for status, row in found.items() if status not in (MemberStatus.CANCELLED, MemberStatus.PAID)]
    upcoming = [row[5] for row in to_pay if row[5] is not None]
    return BillSummary(
        lines=lines,
        outstanding=Money(int(sum(row[4] for row in to_pay)), actor.currency),
        next_due_date=min(upcoming, default=None),
    )


def payable_of(*, wanted: Sequence[tuple[UUID, BillType]], now: datetime) -> dict[tuple[UUID, BillType], Payable]:
    """For each member and type of bills, in the cluster under way: what is open to be paid now, and how many bills wait for
    an acknowledgment first. Nothing is held: it is for telling people, not for paying."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.member, m.type, coalesce(sum(o.due_minor - o.paid_minor)"
            " FILTER (WHERE o.acknowledged_at IS NOT NULL), 0)::bigint, count(o.id) FILTER (WHERE o.acknowledged_at IS NULL)"
            " FROM (SELECT DISTINCT * FROM unnest(%(members)s::uuid[], %(types)s::text[])) AS m(member, type)"
            " LEFT JOIN LATERAL (SELECT * FROM bills_owed b WHERE b.cluster_id = kit_tenant() AND b.member_id = m.member"
            "   AND b.type = m.type AND b.cancelled_at IS NULL AND b.paid_minor < b.due_minor AND b.dispute_id IS NULL"
            # Each member by themselves: without OFFSET 0 all members' bills would be worked out and joined afterwards.
            "   AND (b.due_date >= %(now)s OR b.allow_payment_after_due) OFFSET 0) AS o ON true GROUP BY 1, 2",
            {
                "members": [user_id for user_id, _ in wanted],
                "types": [type.value for _, type in wanted],
                "now": now,
            },
        )
        return {(member, BillType(type)): Payable(minor, waiting) for member, type, minor, waiting in cursor.fetchall()}


def unread_spans(
    *, actor: Actor, type: BillType, oldest: datetime, newest: datetime
) -> list[tuple[datetime, datetime | None]]:
    """For the member's bills of a type whose terms never changed: from when until when each waited to be acknowledged, and so
    could not be paid; None: it still waits. Those alone that waited at some time from `oldest` to `newest`."""
    rows = _rows(
        "SELECT issued_at, coalesce(acknowledged_at, cancelled_at) FROM bills_owed"
        " WHERE cluster_id = %(cluster)s AND member_id = %(member)s AND type = %(type)s AND version = 1"
        " AND issued_at <= %(newest)s AND coalesce(acknowledged_at, cancelled_at, 'infinity') > %(oldest)s",
        {
            "cluster": actor.cluster_id,
            "member": actor.member_id,
            "type": type.value,
            "oldest": oldest,
            "newest": newest,
        },
    )
    return [(began, ended) for began, ended in rows]


def member_bill_view(row: tuple[Any, ...], *, now: datetime) -> MemberBillView:
    """Shape a row of `OWED_COLUMNS`."""
    (id_, number, title, description, type_, category, amount, currency, due_date, issued_at, user_id) = row[:11]
    (after_due, version, digest, cancelled_at, due, paid, acknowledged_at, dispute_id) = row[11:]
    standing = Standing(
        cancelled=cancelled_at is not None,
        due_minor=due,
        paid_minor=paid,
        disputed=dispute_id is not None,
        due_date=due_date,
        acknowledged=acknowledged_at is not None,
    )
    return MemberBillView(
        id=id_,
        bill_number=number,
        title=title,
        description=description,
        type=BillType(type_),
        category=BillCategory(category),
        amount=Money(amount, currency),
        amount_due=Money(0 if standing.cancelled else due, currency),
        amount_paid=Money(paid, currency),
        due_date=due_date,
        issued_at=issued_at,
        status=member_status(standing=standing, now=now),
        is_cluster_wide=user_id is None,
        allow_payment_after_due=after_due,
        acknowledged_at=acknowledged_at,
        can_acknowledge=can_acknowledge(standing=standing),
        can_pay=category == BillCategory.CLUSTER_MANAGED
        and can_pay(standing=standing, allow_payment_after_due=after_due, now=now),
        version=version,
        terms_digest=bytes(digest).hex(),
    )


def member_bill_of(kept: list[Any], *, asked_at: datetime) -> MemberBillView:
    """Shape a row of `OWED_COLUMNS` that SQL's `bills_facts` wrote as JSON."""
    row = [value if value is None or read is None else read(value) for read, value in zip(_READ, kept, strict=True)]
    return member_bill_view(tuple(row), now=asked_at)


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
