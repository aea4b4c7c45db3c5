"""What the office sees first: how much was billed and came in, where the bills stand, what happened lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

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
class Dashboard:
    """The office's first page. `cluster_wallet` is None for whoever may not see the wallet."""

    sums: BillSums
    cluster_wallet: Money | None
    collections: dict[date, Money]
    latest_transactions: list[TransactionView]
    open_disputes: int
    latest_disputes: list[DisputeView]


def dashboard_of(*, actor: Actor, now: datetime) -> Dashboard:
    """The office's first page; needs ViewPayments. As many statements for a million members as for one."""
    actor.require("ViewPayments")
    return Dashboard(
        sums=_sums(actor, now),
        cluster_wallet=wallets.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None,
        collections=wallets.collections_by_month(actor=actor, now=now),
        latest_transactions=transactions_of_cluster(actor=actor, chosen=TransactionFilter(), limit=LATEST_TRANSACTIONS),
        open_disputes=_open_disputes(actor),
        latest_disputes=disputes_of_cluster(actor=actor, state=DisputeState.OPEN, limit=LATEST_DISPUTES),
    )


# A cluster-wide bill is summed from its tallies, one to a member from what that member did. The two never meet in one
# query plan, so that thousands of bills to one member each are read through their own indexes.
_SUMS = f"""
SELECT status, count(*), coalesce(sum(billed), 0), coalesce(sum(collected), 0),
       coalesce(sum(greatest(0, billed - collected)), 0),
       coalesce(sum(greatest(0, billed - collected)) FILTER (WHERE due_date < %(now)s), 0)
FROM (
  SELECT {MANAGED_STATUS} AS status, n.billed, t.collected_minor AS collected, b.due_date
  FROM bills_bill b
  CROSS JOIN LATERAL bills_totals(b) AS t
  CROSS JOIN LATERAL (SELECT bills_members_billed(b) AS members, bills_amount_billed(b) AS billed) AS n
  WHERE b.cluster_id = %(cluster)s AND b.category = 'cluster_managed' AND b.user_id IS NULL
  UNION ALL
  SELECT {STATUS_SQL}, s.due_minor, s.paid_minor, b.due_date
  FROM bills_bill b
  CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, b.user_id, b.amount_minor, b.version) AS s
  WHERE b.cluster_id = %(cluster)s AND b.category = 'cluster_managed' AND b.user_id IS NOT NULL
) AS bill GROUP BY 1
"""


def _sums(actor: Actor, now: datetime) -> BillSums:
    counts = dict.fromkeys(MemberStatus, 0)
    sums = [0, 0, 0, 0]
    for status, count, *amounts in _rows(_SUMS, {"cluster": actor.cluster_id, "now": now}):
        counts[MemberStatus(status)] = count
        if status != MemberStatus.CANCELLED:
            sums = [total + amount for total, amount in zip(sums, amounts, strict=True)]
    billed, collected, outstanding, overdue = (Money(int(minor), actor.currency) for minor in sums)
    return BillSums(billed, collected, outstanding, overdue, counts)


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
