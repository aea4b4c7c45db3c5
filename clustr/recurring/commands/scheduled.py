"""What the clock asks for: running what is due in every estate, one sweep at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from clustr.kit.going_on import GoingOn
from clustr.kit.jobs import enqueue
from clustr.recurring.commands.running import BATCH, process_recurring_payments_of
from clustr.recurring.types import Processed

_DUE = """
SELECT DISTINCT o.cluster_id FROM recurring_payment o JOIN clusters_cluster c ON c.id = o.cluster_id
WHERE o.state = 'active' AND (o.next_run_at <= %s OR o.timezone <> c.timezone) ORDER BY 1"""

_HOW_MUCH = """
SELECT o.cluster_id, count(*) FILTER (WHERE o.next_run_at <= %s) FROM recurring_payment o
JOIN clusters_cluster c ON c.id = o.cluster_id
WHERE o.state = 'active' AND (o.next_run_at <= %s OR o.timezone <> c.timezone) GROUP BY 1 ORDER BY 1"""

LANES = 2
"""How many workers run one cluster's orders at the same time, where there are many: each takes what the other has not."""


def due_clusters(*, now: datetime) -> list[UUID]:
    """The clusters in which a standing order is due, or has to follow its estate to another time zone; read through the
    sweep role, outside any tenant."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(_DUE, [now])
        return [row[0] for row in cursor.fetchall()]


def count_due(*, now: datetime) -> int:
    """How many standing orders are due, in all clusters."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM recurring_payment WHERE state = 'active' AND next_run_at <= %s", [now])
        return int(cursor.fetchone()[0])


def process_recurring_payments(*, now: datetime, progress: Callable[[Processed], None] = lambda _: None) -> Processed:
    """Run everything that is due, cluster by cluster; answers what it did. What one cluster's run could not do leaves the
    others alone and is due still; the first such error is raised at the end."""
    done = Processed()
    with GoingOn() as going_on:
        for cluster_id in due_clusters(now=now):
            with going_on.past(cluster_id=cluster_id):
                done += process_recurring_payments_of(cluster_id=cluster_id, now=now, progress=progress)
    return done


def ask_to_process_recurring_payments(*, now: datetime) -> int:
    """Have the workers run what is due: a job for each cluster, two where more is due than one batch takes, unless they
    wait already. Answers how many clusters."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(_HOW_MUCH, [now, now])
        due = dict(cursor.fetchall())
    with transaction.atomic():
        for cluster_id, orders in due.items():
            for lane in range(LANES if orders > BATCH else 1):
                ask_to_process_cluster(cluster_id=cluster_id, lane=lane)
    return len(due)


def ask_to_process_cluster(*, cluster_id: UUID, lane: int) -> None:
    """Have a worker run what is due in one cluster, unless the job of this lane waits already."""
    enqueue(
        "recurring.process_cluster",
        once_key=f"recurring.process_cluster:{cluster_id}:{lane}",
        cluster_id=cluster_id,
        lane=str(lane),
    )


@contextmanager
def one_at_a_time(task: str) -> Iterator[bool]:
    """Whether this is the only sweep of its kind at work in any process, until the block ends. The lock goes with the
    connection; what it guards is safe without it, and would only be done twice as slowly."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 5))", [f"clustr.scheduled.{task}"])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connections["sweep"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 5))", [f"clustr.scheduled.{task}"])
