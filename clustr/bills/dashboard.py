"""What the office sees first: how much was billed and came in, where the bills stand, what happened lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from clustr.bills.dispute_queries import disputes_of_cluster
from clustr.bills.office_queries import MANAGED_STATUS
from clustr.bills.queries import STATUS_SQL
from clustr.bills.types import DisputeState, DisputeView, MemberStatus
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.queries import TransactionFilter, transactions_of_cluster
from clustr.payments.types import TransactionView
from clustr.wallets import queries as wallets

LATEST_TRANSACTIONS = 10
LATEST_DISPUTES = 5
AGES = (30, 60, 90)
"""Days by which arrears are told apart; what is older makes a band of its own."""
CURVE_DAYS = 90
"""How many days the collection curve looks back over, today among them."""


@dataclass(frozen=True, slots=True)
class BillSums:
    """What the cluster's own bills asked for and brought in, cancelled ones aside; `overdue` is the part of
    `outstanding` whose due date has passed."""

    billed: Money
    collected: Money
    outstanding: Money
    overdue: Money
    counts: dict[MemberStatus, int]


@dataclass(frozen=True, slots=True)
class AgeBand:
    """What is overdue by at most `upto_days` days and by more than the band before; None: by more than any band."""

    upto_days: int | None
    bills: int
    amount: Money


@dataclass(frozen=True, slots=True)
class CurveDay:
    """What bills issued since the curve's first day ask for, and what came in since, up to the end of this day."""

    day: date
    billed: Money
    collected: Money


@dataclass(frozen=True, slots=True)
class Figures:
    """How the estate stands, in numbers. `cluster_wallet` is None for whoever may not see the wallet."""

    sums: BillSums
    cluster_wallet: Money | None
    collections: dict[date, Money]
    ageing: list[AgeBand]
    curve: list[CurveDay]
    open_disputes: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The office's first page: how the estate stands, and what happened lately."""

    figures: Figures
    latest_transactions: list[TransactionView]
    latest_disputes: list[DisputeView]


def dashboard_of(*, actor: Actor, now: datetime) -> Dashboard:
    """The office's first page; needs ViewPayments. As many statements for a million members as for one."""
    return Dashboard(
        figures=figures_of_cluster(actor=actor, now=now),
        latest_transactions=transactions_of_cluster(actor=actor, chosen=TransactionFilter(), limit=LATEST_TRANSACTIONS),
        latest_disputes=disputes_of_cluster(actor=actor, state=DisputeState.OPEN, now=now, limit=LATEST_DISPUTES),
    )


def figures_of_cluster(*, actor: Actor, now: datetime) -> Figures:
    """How the estate stands; needs ViewPayments. As many statements for a million members as for one."""
    actor.require("ViewPayments")
    sums, ageing, billed_by_day = _sums(actor, now)
    collections = wallets.bill_collections(actor=actor, now=now)
    return Figures(
        sums=sums,
        cluster_wallet=wallets.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None,
        collections=collections.by_month,
        ageing=ageing,
        curve=_curve(actor, billed_by_day, collections.by_day, now),
        open_disputes=_open_disputes(actor),
    )


# A cluster-wide bill is summed from its tallies, one to a member from what that member did. The two never meet in one
# query plan, so that thousands of bills to one member each are read through their own indexes.
_SUMS = f"""
SELECT status, days_late, issued_on, count(*), coalesce(sum(billed), 0), coalesce(sum(collected), 0),
       coalesce(sum(greatest(0, billed - collected)), 0),
       coalesce(sum(greatest(0, billed - collected)) FILTER (WHERE due_date < %(now)s), 0)
FROM (
  SELECT *, CASE WHEN due_date >= %(now)s OR billed <= collected THEN NULL
                 ELSE (SELECT min(upto) FROM unnest(%(ages)s::int[]) AS upto
                       WHERE due_date >= %(now)s - make_interval(days => upto)) END AS days_late,
         CASE WHEN issued_at >= %(since)s THEN (issued_at AT TIME ZONE %(zone)s)::date END AS issued_on
  FROM (
    SELECT {MANAGED_STATUS} AS status, n.billed, t.collected_minor AS collected, b.due_date, b.issued_at
    FROM bills_bill b
    CROSS JOIN LATERAL bills_totals(b) AS t
    CROSS JOIN LATERAL (SELECT bills_members_billed(b) AS members, bills_amount_billed(b) AS billed OFFSET 0) AS n
    WHERE b.cluster_id = %(cluster)s AND b.category = 'cluster_managed' AND b.user_id IS NULL
    UNION ALL
    SELECT {STATUS_SQL}, s.due_minor, s.paid_minor, b.due_date, b.issued_at
    FROM bills_bill b
    CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, b.user_id, b.amount_minor, b.version) AS s
    WHERE b.cluster_id = %(cluster)s AND b.category = 'cluster_managed' AND b.user_id IS NOT NULL
  ) AS each_bill
) AS bill GROUP BY 1, 2, 3
"""


def _sums(actor: Actor, now: datetime) -> tuple[BillSums, list[AgeBand], dict[date, Money]]:
    counts = dict.fromkeys(MemberStatus, 0)
    sums = [0, 0, 0, 0]
    late: dict[int | None, list[int]] = {upto: [0, 0] for upto in (*AGES, None)}
    issued: dict[date, int] = {}
    parameters = {
        "cluster": actor.cluster_id,
        "now": now,
        "ages": list(AGES),
        "since": now - timedelta(days=CURVE_DAYS + 2),
        "zone": actor.timezone,
    }
    for status, days_late, issued_on, count, *amounts in _rows(_SUMS, parameters):
        counts[MemberStatus(status)] += count
        if status == MemberStatus.CANCELLED:
            continue
        sums = [total + amount for total, amount in zip(sums, amounts, strict=True)]
        if issued_on is not None:
            issued[issued_on] = issued.get(issued_on, 0) + int(amounts[0])
        if amounts[3]:
            late[days_late] = [late[days_late][0] + count, late[days_late][1] + int(amounts[3])]
    billed, collected, outstanding, overdue = (Money(int(minor), actor.currency) for minor in sums)
    ageing = [AgeBand(upto, bills, Money(minor, actor.currency)) for upto, (bills, minor) in late.items()]
    by_day = {day: Money(minor, actor.currency) for day, minor in sorted(issued.items())}
    return BillSums(billed, collected, outstanding, overdue, counts), ageing, by_day


def _curve(actor: Actor, billed: dict[date, Money], collected: dict[date, Money], now: datetime) -> list[CurveDay]:
    """Both running sums, day by day, this day last."""
    today = now.astimezone(ZoneInfo(actor.timezone)).date()
    since = today - timedelta(days=CURVE_DAYS - 1)
    zero = Money(0, actor.currency)
    asked, got, curve = zero, zero, []
    for day in (since + timedelta(days=n) for n in range(CURVE_DAYS)):
        asked, got = asked + billed.get(day, zero), got + collected.get(day, zero)
        curve.append(CurveDay(day, asked, got))
    return curve


def _open_disputes(actor: Actor) -> int:
    rows = _rows(
        "SELECT count(*) FROM bills_dispute WHERE cluster_id = %(cluster)s AND state = 'open'",
        {"cluster": actor.cluster_id},
    )
    return int(rows[0][0])


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
