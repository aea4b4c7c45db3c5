"""What the worker says of each job: a line in the log with its ids, a count of how it ended, and how long it took."""

from __future__ import annotations

import logging
import time
from typing import Any

import structlog
from procrastinate.job_context import JobContext
from procrastinate.middleware import SyncCallNext
from procrastinate.worker import Worker

from clustr.kit import metrics

log = structlog.get_logger("clustr.jobs")


def report_job(call_next: SyncCallNext, context: JobContext, worker: Worker) -> Any:
    """Run a job, and say at INFO that it is done, at WARNING that it will be tried again, at ERROR that it failed."""
    return _report(call_next, context, worker, done=logging.INFO)


def report_sweep(call_next: SyncCallNext, context: JobContext, worker: Worker) -> Any:
    """The same for what runs by the clock: that it is done is said only when debugging."""
    return _report(call_next, context, worker, done=logging.DEBUG)


def _report(call_next: SyncCallNext, context: JobContext, worker: Worker, *, done: int) -> Any:
    """Every line that is written meanwhile carries the job and the ids it was asked with."""
    job, began = context.job, time.perf_counter()
    ids = {name: str(value) for name, value in job.task_kwargs.items() if name.endswith("_id")}
    with structlog.contextvars.bound_contextvars(job=job.task_name, job_id=job.id, **ids):
        try:
            answer = call_next()
        except Exception as error:
            again = worker.find_task(job.task_name).get_retry_exception(exception=error, job=job) is not None
            _count(context, "again" if again else "failed", began)
            level = logging.WARNING if again else logging.ERROR
            log.log(level, "job", ended="again" if again else "failed", **_facts(context, began), exc_info=error)
            raise
        _count(context, "done", began)
        log.log(done, "job", ended="done", **_facts(context, began))
        return answer


def _facts(context: JobContext, began: float) -> dict[str, Any]:
    return {
        "queue": context.job.queue,
        "attempt": context.job.attempts + 1,
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }


def _count(context: JobContext, outcome: str, began: float) -> None:
    job = context.job
    metrics.JOBS.labels(job.queue, job.task_name, outcome).inc()
    metrics.JOB_SECONDS.labels(job.queue, job.task_name).observe(time.perf_counter() - began)
    metrics.note_memory("worker")
