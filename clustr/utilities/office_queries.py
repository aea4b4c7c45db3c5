"""Utilities as the office has them: how they do in the estate, and each purchase without number or token."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.bills.types import BillType
from clustr.clusters.member_queries import who_is_found
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.states import TransactionStatus
from clustr.utilities.types import ManagedPurchaseView, UtilitySums

LOOKED_BACK = timedelta(days=30)

_PAYMENTS = """
SELECT p.id, t.reference, t.status, p.user_id, u.name, u.provider_type, p.amount_minor, p.fee_minor, p.currency,
       p.is_automated, t.failure ->> 'type', p.at, p.delivered_at
FROM utilities_purchase p
JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
JOIN utilities_provider u ON u.id = p.provider_id
WHERE p.cluster_id = %(cluster)s
"""

# Residents are read from the tallies. A purchase is troubled if something asked of the service was not heard, or could not be asked, on the way to its end.
_SUMS = """
SELECT
  clusters_members_billed(%(now)s, %(now)s, true),
  count(DISTINCT b.user_id), count(b.id), count(b.id) FILTER (WHERE b.delivered), count(b.id) FILTER (WHERE b.failed),
  count(b.id) FILTER (WHERE NOT b.delivered AND NOT b.failed), count(b.id) FILTER (WHERE b.troubled),
  count(b.id) FILTER (WHERE b.troubled AND b.delivered), coalesce(sum(b.amount) FILTER (WHERE b.delivered), 0),
  count(b.id) FILTER (WHERE b.is_automated), coalesce(sum(b.amount) FILTER (WHERE b.delivered AND b.is_automated), 0)
FROM (
  SELECT p.id, p.user_id, p.is_automated, p.amount_minor + p.fee_minor AS amount, t.status = 'completed' AS delivered,
         t.status IN ('failed', 'refunded') AS failed,
         EXISTS (SELECT FROM payments_exchange e WHERE e.cluster_id = p.cluster_id AND e.transaction_id = p.id
           AND e.outcome IN ('not_heard', 'not_sent') AND e.at <= coalesce(p.delivered_at, %(now)s)) AS troubled
  FROM utilities_purchase p JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
  WHERE p.cluster_id = %(cluster)s AND p.at > %(since)s AND p.at <= %(now)s) AS b
"""


def utility_payments_of_cluster(
    *,
    actor: Actor,
    service_type: BillType | None = None,
    status: TransactionStatus | None = None,
    q: str = "",
    now: datetime,
    before: UUID | None = None,
    limit: int = 50,
) -> list[ManagedPurchaseView]:
    """The members' purchases, newest first; needs ViewPayments. `q` finds their members; `before` is the last one
    read."""
    actor.require("ViewPayments")
    found = who_is_found(actor=actor, q=q, now=now) if q else None
    conditions = {
        " AND p.id < %(before)s": before,
        " AND u.provider_type = %(type)s": service_type,
        " AND t.status = %(status)s": status,
        " AND p.user_id = ANY(%(found)s)": found,
    }
    statement = _PAYMENTS + "".join(sql for sql, value in conditions.items() if value is not None)
    rows = _rows(
        statement + " ORDER BY p.id DESC LIMIT %(limit)s",
        {
            "cluster": actor.cluster_id,
            "before": before,
            "type": service_type,
            "status": status,
            "found": found,
            "limit": limit,
        },
    )
    return [
        ManagedPurchaseView(
            id=row[0],
            reference=row[1],
            status=TransactionStatus(row[2]),
            user_id=row[3],
            provider_name=row[4],
            provider_type=BillType(row[5]),
            amount=Money(row[6], row[8]),
            fee=Money(row[7], row[8]),
            is_automated=row[9],
            failure=row[10],
            created_at=row[11],
            delivered_at=row[12],
        )
        for row in rows
    ]


def utility_sums_of_cluster(*, actor: Actor, now: datetime) -> UtilitySums:
    """How utilities did in the estate over the last thirty days; needs ViewPayments."""
    actor.require("ViewPayments")
    ((residents, buyers, *counts),) = _rows(
        _SUMS, {"cluster": actor.cluster_id, "now": now, "since": now - LOOKED_BACK}
    )
    purchases, delivered, failed, undecided, troubled, recovered, volume, automated, automated_volume = counts
    return UtilitySums(
        residents=residents,
        buyers=buyers,
        purchases=purchases,
        delivered=delivered,
        failed=failed,
        undecided=undecided,
        troubled=troubled,
        recovered=recovered,
        volume=Money(int(volume), actor.currency),
        automated=automated,
        automated_volume=Money(int(automated_volume), actor.currency),
    )


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
