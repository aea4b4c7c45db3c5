"""Helper for tests of the trail's chain: close blocks over everything there is."""

from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

from django.db import connections

from clustr.audit import commands


def settle(cluster_id: UUID) -> None:
    """Wait until no transaction is under way that began before the cluster's last act, in whatever database of the server."""
    for _ in range(600):
        with connections["checker"].cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(max(xid), 0) < kit_lasting(pg_snapshot_xmin(pg_current_snapshot()))::text::bigint"
                " FROM audit_event WHERE cluster_id = %s",
                [cluster_id],
            )
            if cursor.fetchone() == (True,):
                return
        time.sleep(0.05)
    raise AssertionError("the horizon does not move")


def close(cluster_id: UUID, *, now: datetime) -> None:
    """Close everything the cluster's trail has into blocks."""
    settle(cluster_id)
    commands.close_blocks(now=now)
