"""Where there is work: read through the sweep role, over every estate, a step in an index for each."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

CLAIM_STANDS = timedelta(minutes=2)
"""A claim older than this is nobody's any more: its sender has been dead or stuck for far longer than its timeout."""

_MESSAGES = """
SELECT c.id FROM clusters_cluster c WHERE
  EXISTS (SELECT FROM notifications_event e WHERE e.cluster_id = c.id AND e.fanned_out_at IS NULL)
  OR EXISTS (SELECT FROM notifications_delivery d WHERE d.cluster_id = c.id AND d.state = 'queued'
    AND d.next_try_at <= %(now)s)
  OR EXISTS (SELECT FROM notifications_delivery d WHERE d.cluster_id = c.id AND d.state = 'sending'
    AND d.claimed_at < %(stale)s)
ORDER BY c.id
"""
_CALLS = """
SELECT c.id FROM clusters_cluster c WHERE EXISTS (SELECT FROM notifications_endpointdelivery d
  WHERE d.cluster_id = c.id AND d.state = 'queued' AND d.next_try_at <= %(now)s)
ORDER BY c.id
"""


def clusters_with_messages(*, now: datetime) -> list[UUID]:
    """Estates where an event waits to become messages, a message is due, or a claim was left behind."""
    return _found(_MESSAGES, now)


def clusters_with_calls(*, now: datetime) -> list[UUID]:
    """Estates where a webhook is due."""
    return _found(_CALLS, now)


def _found(statement: str, now: datetime) -> list[UUID]:
    with connections["sweep"].cursor() as cursor:
        cursor.execute(statement, {"now": now, "stale": now - CLAIM_STANDS})
        return [row[0] for row in cursor.fetchall()]
