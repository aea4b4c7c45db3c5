"""Upkeep of the trail's chain, of first answers and of throttles."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.conf import settings

from clustr.audit import commands, queries
from clustr.audit.verifying import verify
from clustr.kit import clock, jobs, metrics

log = structlog.get_logger(__name__)

CHAIN_ANCHORED = "audit.chain_anchored"
metrics.begin_at_zero(metrics.VIOLATIONS, [(CHAIN_ANCHORED,)])


@jobs.periodic(cron="23 2 * * *", name="audit.forget_old_answers")
def forget_old_answers(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands in its tick
    """Drop first answers older than IDEMPOTENCY_DAYS, cluster by cluster."""
    before = clock.now() - timedelta(days=settings.ENV.IDEMPOTENCY_DAYS)
    for cluster_id in queries.clusters_with_answers_before(before=before):
        commands.forget_answers(cluster_id=cluster_id, before=before)


@jobs.periodic(cron="*/10 * * * *", name="audit.forget_idle_throttles")
def forget_idle_throttles(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands in its tick
    """Drop throttle buckets that are full again."""
    commands.forget_idle_throttles()


@jobs.periodic(cron="* * * * * */5", name="audit.close_blocks")
def close_blocks(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands in its tick
    """Every 5 seconds: close the trail's complete events into blocks, each on the digest of the one before."""
    commands.close_blocks(now=clock.now())


@jobs.periodic(cron="*/2 * * * *", name="audit.write_anchors")
def write_anchors(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands in its tick
    """Every 2 minutes: write a signed anchor, outside the database, for each cluster whose chain has grown."""
    commands.write_anchors(heads=queries.unanchored_heads(), now=clock.now())


@jobs.periodic(cron="7 3 * * *", name="audit.verify_chain")
def verify_chain(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands in its tick
    """Every night: verify the trail against its blocks and anchors; what is wrong is critical in the log."""
    for finding in verify().findings:
        metrics.VIOLATIONS.labels(CHAIN_ANCHORED).inc()
        log.critical("trail_not_as_it_was", says=finding.says, cluster_id=str(finding.cluster_id), block=finding.seq)
