"""Letting go: of what an erased person was told, and of notices nobody needs any more. Money and consent are not here."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.clusters.queries import clusters_ever_of
from clustr.kit import clock
from clustr.kit.ids import earliest_id
from clustr.kit.tenancy import tenant
from clustr.people import retention

_BATCH = 5_000

_FORGET = (
    "DELETE FROM notifications_readmark WHERE cluster_id = %(cluster)s AND user_id = %(user)s",
    "DELETE FROM notifications_preference WHERE cluster_id = %(cluster)s AND user_id = %(user)s",
    "DELETE FROM notifications_delivery WHERE cluster_id = %(cluster)s AND user_id = %(user)s",
)

_OLD_MESSAGES = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM {table} WHERE cluster_id = %(cluster)s AND ended_at < %(before)s LIMIT {batch}))
"""
_MESSAGES = ("notifications_delivery", "notifications_endpointdelivery")


def forget_person(user_id: UUID, now: datetime) -> None:  # noqa: ARG001 - what every room is told
    """Destroy what an erased person read, chose and was sent; notices about them keep their bare id."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id), connection.cursor() as cursor:
            for statement in _FORGET:
                cursor.execute(statement, {"cluster": cluster_id, "user": user_id})


def drop_old_notices(*, cluster_id: UUID, now: datetime) -> int:
    """Delete a batch of what is older than it is kept: ended messages and calls, then notices with all that hangs on them. Answers
    how many rows of either; 0: nothing is left to do."""
    with tenant(cluster_id), connection.cursor() as cursor:
        dropped = 0
        for table in _MESSAGES:
            statement = _OLD_MESSAGES.format(table=table, batch=_BATCH)
            cursor.execute(statement, {"cluster": cluster_id, "before": now - retention.MESSAGES})
            dropped += cursor.rowcount
        before = now - retention.TOLD
        cursor.execute(
            "SELECT id FROM notifications_event WHERE cluster_id = %s AND id < %s AND at < %s"
            " AND fanned_out_at IS NOT NULL ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [cluster_id, earliest_id(clock.real(before)), before, _BATCH],
        )
        old = [row[0] for row in cursor.fetchall()]
        for table in ("readmark", "delivery", "endpointdelivery"):
            cursor.execute(
                f"DELETE FROM notifications_{table} WHERE cluster_id = %s AND event_id = ANY(%s)", [cluster_id, old]
            )
        cursor.execute("DELETE FROM notifications_event WHERE cluster_id = %s AND id = ANY(%s)", [cluster_id, old])
    return dropped + len(old)
