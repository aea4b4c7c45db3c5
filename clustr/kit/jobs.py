"""Jobs: work for the worker, deferred in the same transaction as the effect that asks for it.

`enqueue()` is the only way to defer. It always uses Django's own connection: inside a worker, procrastinate swaps its
connector (tasks keep a link to the app it swaps it on), and a plain `task.defer()` would commit on its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from clustr.kit import clock
from clustr.kit.job_reports import report_job, report_sweep

MONEY = "money"
MESSAGES = "messages"
UPKEEP = "upkeep"
QUEUES = (MONEY, MESSAGES, UPKEEP)
"""The queues, most urgent first."""

_PRIORITY = {MONEY: 100, MESSAGES: 50, UPKEEP: 0}


def task(*, name: str, queue: str, attempts: int = 8) -> Callable[[Callable[..., None]], Any]:
    """Register a job. It receives ids, calls one command, and may run twice."""
    return django_app.task(
        name=name,
        queue=queue,
        priority=_PRIORITY[queue],
        retry=RetryStrategy(max_attempts=attempts, exponential_wait=2),
        task_middleware=[report_job],
    )


def periodic(*, cron: str, name: str, queue: str = UPKEEP) -> Callable[[Callable[..., None]], Any]:
    """Register a job that runs by the clock. A sweep over due rows: a missed or doubled tick changes nothing."""

    def register(function: Callable[..., None]) -> Any:
        job = django_app.task(
            name=name,
            queue=queue,
            priority=_PRIORITY[queue],
            queueing_lock=name,
            pass_context=False,
            task_middleware=[report_sweep],
        )(function)
        return django_app.periodic(cron=cron)(job)

    return register


def enqueue(
    name: str, *, at: datetime | None = None, once_key: str | None = None, one_by_one: str | None = None, **ids: Any
) -> None:
    """Defer a job by name in the transaction under way. `once_key`: if such a job waits already, nothing is added.
    `one_by_one`: of the jobs with the same word, one runs at a time, on however many workers."""
    job = django_app.tasks[name]
    deferrer = configure_task(
        name=name,
        job_manager=here(),
        queue=job.queue,
        priority=job.priority,
        queueing_lock=once_key or job.queueing_lock,
        lock=one_by_one,
        schedule_at=clock.real(at) if at else None,
    )
    arguments = {key: str(value) for key, value in ids.items()}
    if deferrer.job.queueing_lock is None:
        deferrer.defer(**arguments)
        return
    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():
        deferrer.defer(**arguments)


def here() -> JobManager:
    """procrastinate's queries on Django's own connection, in a worker too."""
    return JobManager(DjangoConnector(alias="default"))


def queue_again(*, manager: JobManager, job_id: int) -> None:
    """Let a job that a dead worker had taken wait again; where another with its key waits already, it is that other's."""
    try:
        with transaction.atomic():
            manager.retry_job_by_id(job_id, retry_at=clock.real(clock.now()))
    except UniqueViolation:
        async_to_sync(manager.finish_job_by_id_async)(job_id, Status.SUCCEEDED, delete_job=True)
