"""Bills as the office has them: totals per bill, members per bill, disputes, and bill status per member."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.bills.models import Bill
from clustr.bills.queries import STATUS_SQL
from clustr.bills.refusals import BillNotFound
from clustr.bills.states import can_acknowledge, can_pay
from clustr.bills.types import (
    BillCategory,
    BilledMember,
    BillTotals,
    BillType,
    ManagedBillView,
    MemberStatus,
    Standing,
)
from clustr.clusters.member_queries import who_is_found
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant


@dataclass(frozen=True, slots=True)
class BillFilter:
    """Which of the cluster's bills; each None means any. `q` is looked for in title and bill number."""

    status: MemberStatus | None = None
    type: BillType | None = None
    category: BillCategory | None = None
    cluster_wide: bool | None = None
    user_id: UUID | None = None
    due_before: datetime | None = None
    due_after: datetime | None = None
    q: str | None = None


MANAGED_STATUS = """CASE WHEN b.cancelled_at IS NOT NULL THEN 'cancelled'
            WHEN b.user_id IS NOT NULL THEN
              bills_status(false, n.billed::bigint, t.collected_minor, t.disputed_count > 0, b.due_date,
                           t.acknowledged_count > 0, %(now)s)
            WHEN n.members > 0 AND n.billed <= t.collected_minor THEN 'paid'
            WHEN %(now)s > b.due_date THEN 'overdue'
            WHEN t.collected_minor > 0 THEN 'partially_paid'
            ELSE 'pending_acknowledgment' END"""
"""A bill's status for the office, of a bill `b` with its totals `t` and what it asks for, `n`."""

_COLUMNS = f"""
SELECT b.id, b.cluster_id, b.user_id, b.bill_number, b.title, b.description, b.type, b.category, b.amount_minor,
       b.currency, b.due_date, b.issued_at, b.allow_payment_after_due, b.members_at_issue_only, b.created_by,
       b.cancelled_at, b.cancel_reason, b.version, n.members, t.acknowledged_count, t.disputed_count, t.paid_count,
       n.billed, t.collected_minor,
       {MANAGED_STATUS} AS status,
       (SELECT k.at FROM bills_acknowledgment k WHERE k.cluster_id = b.cluster_id AND k.bill_id = b.id
          AND k.user_id = b.user_id AND k.version = b.version) AS acknowledged_at
"""

_MANAGED = f"""{_COLUMNS}
FROM bills_bill b
CROSS JOIN LATERAL bills_totals(b) AS t
CROSS JOIN LATERAL (SELECT bills_members_billed(b) AS members, bills_amount_billed(b) AS billed OFFSET 0) AS n
WHERE b.cluster_id = %(cluster)s
"""

_JUST_MADE = f"""
WITH made AS MATERIALIZED (
  SELECT * FROM bills_bill WHERE cluster_id = %(cluster)s AND id = ANY(%(bills)s)
), present AS MATERIALIZED (
  SELECT clusters_members_billed(%(now)s, %(now)s, true) AS members
), newcomers AS MATERIALIZED (
  SELECT terms.due_date, count(m.id) AS members
  FROM (SELECT DISTINCT due_date FROM made WHERE user_id IS NULL AND NOT members_at_issue_only) AS terms
  LEFT JOIN clusters_membership m ON m.cluster_id = %(cluster)s AND m.role = 'resident'
    AND m.joined_at > %(now)s AND m.joined_at <= terms.due_date
    AND (m.previous_left_at IS NULL OR m.previous_left_at <= %(now)s)
  GROUP BY terms.due_date
), counted AS (
  SELECT made.id, CASE WHEN user_id IS NOT NULL THEN 1 WHEN members_at_issue_only THEN present.members
                       ELSE present.members + newcomers.members END AS members
  FROM made CROSS JOIN present LEFT JOIN newcomers ON newcomers.due_date = made.due_date
)
{_COLUMNS}
FROM made b
JOIN counted USING (id)
CROSS JOIN LATERAL (SELECT 0::bigint AS collected_minor, 0::bigint AS paid_count, 0::bigint AS acknowledged_count,
                           0::bigint AS disputed_count) AS t
CROSS JOIN LATERAL (SELECT counted.members, counted.members::numeric * b.amount_minor AS billed) AS n
ORDER BY b.id
"""
"""Nobody did anything about a bill just made, and whom it reaches is counted once for each due date."""


_ONE_OF = " AND b.cancelled_at IS NULL AND b.id IN (SELECT bill_id FROM bills_{} WHERE cluster_id = %(cluster)s{})"
_POSSIBLE = {
    MemberStatus.CANCELLED: " AND b.cancelled_at IS NOT NULL",
    MemberStatus.OVERDUE: " AND b.cancelled_at IS NULL AND b.due_date < %(now)s",
    MemberStatus.DISPUTED: _ONE_OF.format("dispute", " AND state = 'open'"),
    MemberStatus.ACKNOWLEDGED: _ONE_OF.format("acknowledgment", ""),
    MemberStatus.PARTIALLY_PAID: _ONE_OF.format("memberbill", " AND paid_minor > 0"),
    MemberStatus.PAID: _ONE_OF.format(
        "memberbill", " AND paid_minor > 0 UNION SELECT bill_id FROM bills_adjustment WHERE cluster_id = %(cluster)s"
    ),
}
"""Which bills could stand so at all: of those alone the totals are asked."""


def bills_of_cluster(
    *, actor: Actor, chosen: BillFilter, now: datetime, before: UUID | None = None, limit: int = 50
) -> list[ManagedBillView]:
    """The cluster's bills, newest first; needs ViewPayments. `before` is the id of the last one read."""
    actor.require("ViewPayments")
    conditions = {
        "AND b.id < %(before)s": before,
        "AND b.type = %(type)s": chosen.type,
        "AND b.category = %(category)s": chosen.category,
        "AND b.user_id = %(user)s": chosen.user_id,
        "AND b.due_date < %(due_before)s": chosen.due_before,
        "AND b.due_date >= %(due_after)s": chosen.due_after,
        "AND (strpos(b.bill_number, upper(%(q)s)) > 0 OR strpos(lower(b.title), lower(%(q)s)) > 0)": chosen.q,
    }
    statement = _MANAGED + " ".join(sql for sql, value in conditions.items() if value is not None)
    if chosen.cluster_wide is not None:
        statement += f" AND b.user_id IS {'' if chosen.cluster_wide else 'NOT '}NULL"
    if chosen.status:
        statement += _POSSIBLE.get(chosen.status, " AND b.cancelled_at IS NULL")
        statement = f"SELECT * FROM ({statement}) AS b WHERE b.status = %(status)s"
    rows = _rows(
        statement + " ORDER BY b.id DESC LIMIT %(limit)s",
        {
            "cluster": actor.cluster_id,
            "now": now,
            "before": before,
            "type": chosen.type,
            "category": chosen.category,
            "user": chosen.user_id,
            "due_before": chosen.due_before,
            "due_after": chosen.due_after,
            "q": chosen.q,
            "status": chosen.status,
            "limit": limit,
        },
    )
    return [_managed(row, now) for row in rows]


def bill_of_cluster(*, actor: Actor, bill_id: UUID, now: datetime) -> ManagedBillView:
    """One bill with its totals; needs ViewPayments or ManageBill. Refuses `BillNotFound`."""
    if not actor.may("ManageBill"):
        actor.require("ViewPayments")
    rows = _rows(
        _MANAGED + " AND b.id = %(bill)s",
        {"cluster": actor.cluster_id, "bill": bill_id, "now": now},
    )
    if not rows:
        raise BillNotFound
    return _managed(rows[0], now)


def bills_just_made(*, actor: Actor, bill_ids: Collection[UUID], now: datetime) -> list[ManagedBillView]:
    """Bills made at `now` and in this transaction, in the order of their ids; for whoever made them."""
    rows = _rows(_JUST_MADE, {"cluster": actor.cluster_id, "bills": list(bill_ids), "now": now})
    return [_managed(row, now) for row in rows]


def members_of_bill(
    *,
    actor: Actor,
    bill_id: UUID,
    status: MemberStatus | None,
    unpaid: bool = False,
    q: str = "",
    now: datetime,
    after: UUID | None = None,
    limit: int = 50,
) -> list[BilledMember]:
    """Every member a bill reaches and where they stand, by user id; needs ViewPayments. `after` is the last one read.

    `unpaid`: only those with something left to pay, whatever their status. `q` finds members as their list does.
    """
    actor.require("ViewPayments")
    parameters = {
        "cluster": actor.cluster_id,
        "bill": bill_id,
        "now": now,
        "after": after,
        "status": status,
        "found": who_is_found(actor=actor, q=q, now=now) if q else [],
        "limit": limit,
    }
    kind = _rows("SELECT user_id IS NULL FROM bills_bill WHERE cluster_id = %(cluster)s AND id = %(bill)s", parameters)
    if not kind:
        raise BillNotFound
    statement = _REACHED_MANY if kind[0][0] else _REACHED_ONE
    if after:
        statement += " AND m.user_id > %(after)s"
    if status:
        statement += f" AND {STATUS_SQL} = %(status)s"
    if q:
        statement += " AND m.user_id = ANY(%(found)s)"
    if unpaid:
        statement += " AND b.cancelled_at IS NULL AND s.paid_minor < s.due_minor"
    return [
        BilledMember(
            user_id=row[0],
            name=row[1],
            unit=row[2],
            status=MemberStatus(row[3]),
            amount_due=Money(row[4], row[7]),
            amount_paid=Money(row[5], row[7]),
            acknowledged_at=row[6],
        )
        for row in _rows(statement + " ORDER BY m.user_id LIMIT %(limit)s", parameters)
    ]


# The name is looked up for each member of the page: joined, it may be merged with everybody registered before them.
_STANDING = f"""
SELECT m.user_id, coalesce(m.supplied_name, (SELECT p.name FROM people_user p WHERE p.id = m.user_id)), u.label, {STATUS_SQL}, CASE WHEN b.cancelled_at IS NULL THEN s.due_minor ELSE 0 END, s.paid_minor, s.acknowledged_at, b.currency
FROM bills_bill b
"""
_WHOSE = """
CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, m.user_id, b.amount_minor, b.version) AS s
LEFT JOIN clusters_unit u ON u.cluster_id = b.cluster_id AND u.id = m.unit_id
WHERE b.cluster_id = %(cluster)s AND b.id = %(bill)s
"""
_REACHED_MANY = (
    _STANDING
    + """JOIN clusters_membership m ON m.cluster_id = b.cluster_id AND m.role = 'resident'
  AND clusters_reaches(m.role, m.joined_at, m.left_at, b.issued_at, b.due_date, b.members_at_issue_only)
  AND (m.previous_left_at IS NULL OR m.previous_left_at <= b.issued_at)"""
    + _WHOSE
)
_REACHED_ONE = (
    _STANDING
    + """JOIN LATERAL (SELECT b.user_id, max(r.unit_id::text)::uuid AS unit_id, max(r.supplied_name) AS supplied_name
  FROM clusters_membership r
  WHERE r.cluster_id = b.cluster_id AND r.user_id = b.user_id AND r.role = 'resident' AND r.left_at IS NULL) AS m ON true"""
    + _WHOSE
)


def bills_issued(*, since: datetime, until: datetime | None = None) -> int:
    """How many bills the office of the cluster under way issued in [since, until): what its plan limits. Members' own
    purchases are not among them."""
    issued = Bill.objects.filter(cluster_id=current_tenant(), issued_at__gte=since)
    if until is not None:
        issued = issued.filter(issued_at__lt=until)
    return issued.exclude(category=BillCategory.USER_MANAGED).count()


def residents_among(*, user_ids: Collection[UUID], now: datetime) -> set[UUID]:
    """Which of these people are residents of the current cluster now."""
    rows = _rows(
        "SELECT user_id FROM clusters_membership WHERE cluster_id = kit_tenant() AND user_id = ANY(%(users)s)"
        " AND role = 'resident' AND joined_at <= %(now)s AND (left_at IS NULL OR left_at > %(now)s)",
        {"users": list(user_ids), "now": now},
    )
    return {row[0] for row in rows}


def _managed(row: tuple[Any, ...], now: datetime) -> ManagedBillView:
    (id_, cluster_id, user_id, number, title, description, type_, category, amount, currency, due_date) = row[:11]
    (issued_at, after_due, at_issue_only, created_by, cancelled_at, cancel_reason, version) = row[11:18]
    totals = BillTotals(row[18], row[19], row[20], row[21], int(row[22]), row[23])
    status, acknowledged_at = row[24:26]
    standing = Standing(
        cancelled=cancelled_at is not None,
        due_minor=totals.billed_minor,
        paid_minor=totals.collected_minor,
        disputed=user_id is not None and totals.disputed_count > 0,
        due_date=due_date,
        acknowledged=totals.acknowledged_count > 0,
    )
    everyone_has = totals.acknowledged_count >= totals.members_billed
    return ManagedBillView(
        id=id_,
        cluster_id=cluster_id,
        user_id=user_id,
        bill_number=number,
        title=title,
        description=description,
        type=BillType(type_),
        category=BillCategory(category),
        amount=Money(amount, currency),
        due_date=due_date,
        issued_at=issued_at,
        status=MemberStatus(status),
        allow_payment_after_due=after_due,
        members_at_issue_only=at_issue_only,
        created_by=created_by,
        cancelled_at=cancelled_at,
        cancel_reason=cancel_reason,
        version=version,
        acknowledged_at=acknowledged_at,
        can_acknowledge=can_acknowledge(standing=replace(standing, acknowledged=everyone_has)),
        can_pay=category == BillCategory.CLUSTER_MANAGED
        and can_pay(standing=standing, allow_payment_after_due=after_due, now=now),
        totals=totals,
    )


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
