"""Disputes as the office has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.bills.refusals import DisputeNotFound
from clustr.bills.types import DisputeState, DisputeView
from clustr.clusters.member_queries import who_is_found
from clustr.kit.actor import Actor

_DISPUTES = """
SELECT d.id, d.bill_id, b.bill_number, b.title, d.user_id, p.name, d.reason, d.state, d.opened_at, d.closed_at,
       d.closed_by, d.note
FROM bills_dispute d
JOIN bills_bill b ON b.cluster_id = d.cluster_id AND b.id = d.bill_id
LEFT JOIN people_user p ON p.id = d.user_id
WHERE d.cluster_id = %(cluster)s
"""


def disputes_of_cluster(
    *,
    actor: Actor,
    state: DisputeState | None,
    q: str = "",
    now: datetime,
    before: UUID | None = None,
    limit: int = 50,
) -> list[DisputeView]:
    """The cluster's disputes, newest first; needs ViewPayments. `q` finds their members."""
    actor.require("ViewPayments")
    statement = _DISPUTES
    if before:
        statement += " AND d.id < %(before)s"
    if state:
        statement += " AND d.state = %(state)s"
    if q:
        statement += " AND d.user_id = ANY(%(found)s)"
    found = who_is_found(actor=actor, q=q, now=now) if q else []
    rows = _rows(
        statement + " ORDER BY d.id DESC LIMIT %(limit)s",
        {"cluster": actor.cluster_id, "before": before, "state": state, "found": found, "limit": limit},
    )
    return [_dispute(row) for row in rows]


def dispute_view(*, actor: Actor, dispute_id: UUID) -> DisputeView:
    """One dispute as it stands now; for whoever resolved it."""
    rows = _rows(_DISPUTES + " AND d.id = %(dispute)s", {"cluster": actor.cluster_id, "dispute": dispute_id})
    return _dispute(rows[0])


def dispute_of_cluster(*, actor: Actor, dispute_id: UUID) -> DisputeView:
    """One dispute of the cluster, for who may see it or decide on it; needs ViewPayments or ManageBill. Refuses
    `DisputeNotFound`."""
    if not actor.may("ManageBill"):
        actor.require("ViewPayments")
    rows = _rows(_DISPUTES + " AND d.id = %(dispute)s", {"cluster": actor.cluster_id, "dispute": dispute_id})
    if not rows:
        raise DisputeNotFound
    return _dispute(rows[0])


def _dispute(row: tuple[Any, ...]) -> DisputeView:
    return DisputeView(
        id=row[0],
        bill_id=row[1],
        bill_number=row[2],
        bill_title=row[3],
        user_id=row[4],
        name=row[5] or "",
        reason=row[6],
        state=DisputeState(row[7]),
        opened_at=row[8],
        closed_at=row[9],
        closed_by=row[10],
        note=row[11],
    )


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
