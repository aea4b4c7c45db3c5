"""The jobs of this room: queue the messages of what happened, hand them over, and once a day sum up and let go."""

from __future__ import annotations

import time
from uuid import UUID

from clustr.clusters import queries as clusters
from clustr.kit import clock
from clustr.kit.going_on import through_estates
from clustr.kit.jobs import MESSAGES, enqueue, periodic, task
from clustr.notifications import commands, work_queries

AT_ONCE = 2
"""At most so many jobs of this room run at the same time, on however many workers: mail never takes them all."""


@periodic(cron="* * * * * */5", name="notifications.find_work", queue=MESSAGES)
def find_work(timestamp: int) -> None:  # noqa: ARG001 - procrastinate names the tick
    """Every 5 seconds: ask for a job in each estate where people are to be told something."""
    for cluster_id in work_queries.clusters_with_messages(now=clock.now()):
        _ask("notifications.send_messages", cluster_id)
    for cluster_id in work_queries.clusters_with_calls(now=clock.now()):
        _ask("notifications.call_endpoints", cluster_id)


@task(name="notifications.send_messages", queue=MESSAGES)
def send_messages(cluster_id: str) -> None:
    """Queue what an estate's events ask for, and hand over what is due, for some seconds."""
    estate = UUID(cluster_id)
    ends_at = time.monotonic() + commands.SLICE_SECONDS
    while commands.fan_out(cluster_id=estate, now=clock.now()) and time.monotonic() < ends_at:
        pass
    commands.release_claims(cluster_id=estate, now=clock.now())
    commands.deliver(cluster_id=estate, now=clock.now(), seconds=max(1.0, ends_at - time.monotonic()))


@task(name="notifications.call_endpoints", queue=MESSAGES)
def call_endpoints(cluster_id: str) -> None:
    """Hand an estate's due webhooks to its integrators, for some seconds."""
    commands.call_endpoints(cluster_id=UUID(cluster_id), now=clock.now())


@periodic(cron="7 * * * *", name="notifications.make_digests", queue=MESSAGES)
def make_digests(timestamp: int) -> None:  # noqa: ARG001
    """Every hour: where a local day has ended, sum up its acknowledgments and credits for the office, once."""
    now = clock.now()
    estates = clusters.all_cluster_ids(with_platform=False)
    through_estates(estates, lambda id: commands.make_digests(cluster_id=id, now=now))


@periodic(cron="53 3 * * *", name="notifications.drop_old_notices")
def drop_old_notices(timestamp: int) -> None:  # noqa: ARG001
    """Every night: delete notices older than 400 days, and the record of messages that ended 90 days ago."""
    now = clock.now()

    def drop(cluster_id: UUID) -> None:
        while commands.drop_old_notices(cluster_id=cluster_id, now=now):
            pass

    through_estates(clusters.all_cluster_ids(), drop)


def _ask(job: str, cluster_id: UUID) -> None:
    turn = f"notifications:{cluster_id.int % AT_ONCE}"
    enqueue(job, once_key=f"{job}:{cluster_id}", one_by_one=turn, cluster_id=cluster_id)
