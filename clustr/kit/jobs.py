"""Jobs: work for the worker, deferred in the same transaction as the effect that asks for it.

`enqueue()` is the only way to defer. It always uses Django's own connection: inside a worker, procrastinate swaps its
connector, and a plain `task.defer()` would commit on its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from procrastinate import App, RetryStrategy
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.django_connector import DjangoConnector

MONEY = "money"
MESSAGES = "messages"
UPKEEP = "upkeep"
"""The queues, most urgent first."""

_PRIORITY = {MONEY: 100, MESSAGES: 50, UPKEEP: 0}


def task(*, name: str, queue: str, attempts: int = 8) -> Callable[[Callable[..., None]], Any]:
    """Register a job. It receives ids, calls one command, and may run twice."""
    return django_app.task(
        name=name,
        queue=queue,
        priority=_PRIORITY[queue],
        retry=RetryStrategy(max_attempts=attempts, exponential_wait=2),
    )


def periodic(*, cron: str, name: str, queue: str = UPKEEP) -> Callable[[Callable[..., None]], Any]:
    """Register a job that runs by the clock. A sweep over due rows: a missed or doubled tick changes nothing."""

    def register(function: Callable[..., None]) -> Any:
        job = django_app.task(
            name=name, queue=queue, priority=_PRIORITY[queue], queueing_lock=name, pass_context=False
        )(function)
        return django_app.periodic(cron=cron)(job)

    return register


def enqueue(name: str, *, at: datetime | None = None, once_key: str | None = None, **ids: Any) -> None:
    """Defer a job by name in the transaction under way. `once_key`: only one such job waits at a time."""
    configured = _deferring_app().configure_task(name, schedule_at=at, queueing_lock=once_key, allow_unknown=False)
    configured.defer(**{key: str(value) for key, value in ids.items()})


@cache
def _deferring_app() -> App:
    return django_app.with_connector(DjangoConnector(alias="default"))
