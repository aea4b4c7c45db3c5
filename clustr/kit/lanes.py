"""The worker's lanes: one runs every job, the most urgent first; beside it one runs money alone.

However many slow mails are being sent, a job of money finds a free place: priority decides who is next, not who is running.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from procrastinate import App, signals
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from clustr.kit import metrics
from clustr.kit.invariants import all_invariants
from clustr.kit.jobs import MONEY, QUEUES

log = structlog.get_logger("clustr.jobs")

PATIENCE_SECONDS = 30
"""How long a worker that is told to stop waits for its running jobs."""
_OUTCOMES = ("done", "again", "failed")


class WorkerEnded(RuntimeError):
    """A lane ended although nobody asked it to; the log says why. Whoever keeps the worker starts it again."""


class Keeper(JobManager):
    """As procrastinate's, but a job that cannot wait again, because another with its key waits already, is that other's."""

    async def retry_job(self, job: Job, *args: Any, **options: Any) -> None:
        try:
            await super().retry_job(job, *args, **options)
        except UniqueViolation:
            await self.finish_job(job=job, status=Status.SUCCEEDED, delete_job=True)


def run_lanes(*, app: App, concurrency: int, money: int, until_idle: bool) -> None:
    """Run jobs until told to stop by a signal, or until none is left. `concurrency`: how many at the same time; `money`: how
    many of money beside them. Raises `WorkerEnded`.

    Told to stop, it takes no more jobs and lets those that run end. What a killed worker was doing is taken up again.
    """
    metrics.keep_figures_of_the_dead()
    _begin_at_zero(app)
    lanes = {"all": (list(QUEUES), concurrency)}
    if money and not until_idle:
        lanes["money"] = ([MONEY], money)
    log.info("worker_started", lanes=list(lanes))
    asyncio.run(_run(app, lanes, until_idle))
    log.info("worker_stopped")


async def _run(app: App, lanes: dict[str, tuple[list[str], int]], until_idle: bool) -> None:
    threads = sum(concurrency for _, concurrency in lanes.values())
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads + 2, "job"))
    async with app.open_async():
        app.perform_import_paths()  # type: ignore[no-untyped-call]
        app.job_manager = Keeper(app.connector)
        workers = [
            Worker(
                app=app,
                queues=queues,
                name=name,
                concurrency=at_once,
                wait=not until_idle,
                delete_jobs="successful",
                shutdown_graceful_timeout=PATIENCE_SECONDS,
                install_signal_handlers=False,
            )
            for name, (queues, at_once) in lanes.items()
        ]
        asked_to_stop = until_idle

        def stop() -> None:
            nonlocal asked_to_stop
            asked_to_stop = True
            log.info("worker_stopping")
            for worker in workers:
                worker.stop()  # type: ignore[no-untyped-call]

        with signals.on_stop(stop):
            running = [asyncio.create_task(worker.run()) for worker in workers]  # type: ignore[no-untyped-call]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            alone = not asked_to_stop
            if alone:
                stop()
            await asyncio.gather(*running)
        if alone:
            raise WorkerEnded("a lane of the worker ended by itself")


def _begin_at_zero(app: App) -> None:
    ours = [task for task in app.tasks.values() if task.queue in QUEUES]
    metrics.begin_at_zero(metrics.JOBS, ((task.queue, task.name, outcome) for task in ours for outcome in _OUTCOMES))
    names = [*(invariant.name for invariant in all_invariants()), metrics.NOT_EXAMINED]
    metrics.begin_at_zero(metrics.VIOLATIONS, ((name,) for name in names))
    metrics.begin_at_zero(metrics.BOOKS_EXAMINED, (("recent",), ("full",)))
