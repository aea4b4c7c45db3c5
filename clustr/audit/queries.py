"""Reading the trail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from clustr.audit.models import AuditEvent, Block
from clustr.audit.types import Event, EventFilter
from clustr.kit.actor import Actor
from clustr.kit.tenancy import current_tenant, tenant

VIEW_PAYMENTS = "ViewPayments"


def audit_events(
    *, actor: Actor, matching: EventFilter | None = None, after: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Event]:
    """The acts in the actor's cluster, newest first, from just after the position `(at, id)`. Needs ViewPayments."""
    actor.require(VIEW_PAYMENTS)
    matching = matching or EventFilter()
    asked = {
        "action": matching.action,
        "actor_id": matching.actor_id,
        "actor_id__in": matching.actor_ids,
        "subject_id": matching.subject_id,
        "at__gte": matching.since,
        "at__lt": matching.until,
    }
    rows = AuditEvent.objects.filter(
        cluster_id=actor.cluster_id, **{name: value for name, value in asked.items() if value is not None}
    )
    if after is not None:
        rows = rows.filter(RawSQL("(at, id) < (%s, %s)", after, output_field=BooleanField()))
    return [_event(row) for row in rows.order_by("-at", "-id")[:limit]]


def acts_about(*, subject_id: UUID, action: str) -> list[Event]:
    """Every act of this kind about something of the cluster under way, oldest first: for the rooms above, who ask
    themselves whether it may be seen, and show of it what may be."""
    rows = AuditEvent.objects.filter(cluster_id=current_tenant(), subject_id=subject_id, action=action)
    return [_event(row) for row in rows.order_by("at", "id")]


def acts_of(*, user_id: UUID) -> list[dict[str, Any]]:
    """What this person did in the cluster under way, oldest first, as plain values: for their export."""
    rows = AuditEvent.objects.filter(cluster_id=current_tenant(), actor_id=user_id).order_by("at", "id")
    return [
        {
            "cluster_id": str(row.cluster_id),
            "at": row.at.isoformat(),
            "action": row.action,
            "subject_kind": row.subject_kind,
            "subject_id": str(row.subject_id),
            "reason": row.reason,
            "ip": row.ip,
            "user_agent": row.user_agent,
        }
        for row in rows
    ]


def clusters_with_answers_before(*, before: datetime) -> Iterator[UUID]:
    """The clusters that keep answers older than this; read by the sweep role, of every cluster."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT cluster_id FROM audit_idempotency_key WHERE at < %s", [before])
        for (cluster_id,) in cursor.fetchall():
            yield cluster_id


def clusters_with_news() -> tuple[list[UUID], int, int]:
    """The clusters with events that are in no block yet, of transactions in `[since, horizon)`; all of those have ended.
    Read by the sweep role, of every cluster."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT horizon FROM audit_horizon), '0')::text::bigint,"
            " kit_lasting(pg_snapshot_xmin(pg_current_snapshot()))::text::bigint"
        )
        since, horizon = cursor.fetchone()
        cursor.execute(
            "SELECT DISTINCT cluster_id FROM audit_event WHERE xid >= %s AND xid < %s",
            [since, horizon],
        )
        return [cluster_id for (cluster_id,) in cursor.fetchall()], since, horizon


def unanchored_heads() -> list[Block]:
    """The last block of every cluster's chain that no anchor names yet; the sweep role finds them, of every cluster."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(_UNANCHORED)
        grown = [cluster_id for (cluster_id,) in cursor.fetchall()]
    heads = []
    for cluster_id in grown:
        with tenant(cluster_id):
            heads.append(Block.objects.filter(cluster_id=cluster_id).order_by("-seq")[0])
    return heads


_UNANCHORED = """
WITH RECURSIVE owner AS (
  (SELECT cluster_id FROM audit_block ORDER BY cluster_id LIMIT 1)
  UNION ALL
  SELECT (SELECT b.cluster_id FROM audit_block b WHERE b.cluster_id > owner.cluster_id ORDER BY b.cluster_id LIMIT 1)
  FROM owner WHERE owner.cluster_id IS NOT NULL
)
SELECT owner.cluster_id FROM owner WHERE owner.cluster_id IS NOT NULL
  AND (SELECT max(b.seq) FROM audit_block b WHERE b.cluster_id = owner.cluster_id)
    > coalesce((SELECT max(a.seq) FROM audit_anchor a WHERE a.cluster_id = owner.cluster_id), 0)
"""


def _event(row: AuditEvent) -> Event:
    return Event(
        id=row.id,
        at=row.at,
        actor_id=row.actor_id,
        action=row.action,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        reason=row.reason,
        ip=row.ip,
        user_agent=row.user_agent,
        request_id=row.request_id,
        facts=row.changes,
        journal=row.journal,
    )
