"""The kit's own jobs: what keeps the queue healthy and watches the books."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import async_to_sync

from clustr.kit import clock
from clustr.kit.jobs import MONEY, UPKEEP, here, periodic, queue_again
from clustr.kit.watching import watch_books

STALLED_AFTER_SECONDS = 60
FAILED_JOBS_KEPT = timedelta(days=90)
RECENT = timedelta(minutes=10)


@periodic(cron="* * * * *", name="kit.retry_stalled_jobs", queue=MONEY)
def retry_stalled_jobs(timestamp: int) -> None:  # noqa: ARG001
    """Queue again the jobs whose worker died in the middle. Jobs may run twice; none may be forgotten."""
    manager = here()
    for job in async_to_sync(manager.get_stalled_jobs)(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        if job.id is not None:
            queue_again(manager=manager, job_id=job.id)


@periodic(cron="17 3 * * *", name="kit.delete_old_jobs", queue=UPKEEP)
def delete_old_jobs(timestamp: int) -> None:  # noqa: ARG001
    """Delete the record of jobs that ended long ago; successful ones are deleted when they end."""
    hours = int(FAILED_JOBS_KEPT / timedelta(hours=1))
    async_to_sync(here().delete_old_jobs)(
        nb_hours=hours, include_failed=True, include_cancelled=True, include_aborted=True
    )


@periodic(cron="* * * * *", name="kit.watch_recent_books", queue=MONEY)
def watch_recent_books(timestamp: int) -> None:  # noqa: ARG001
    """Every minute: prove the books for what was touched in the last ten; what does not hold is critical in the log."""
    now = clock.now()
    watch_books(now=now, since=now - RECENT)


@periodic(cron="47 2 * * *", name="kit.watch_all_books", queue=UPKEEP)
def watch_all_books(timestamp: int) -> None:  # noqa: ARG001
    """Every night: prove the whole books; what does not hold is critical in the log."""
    watch_books(now=clock.now())
