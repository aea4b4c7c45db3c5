"""One cluster at a time: the transaction every read and write of an estate's rows runs in.

`tenant()` opens the one transaction of a command and tells PostgreSQL which cluster it is about, with `SET LOCAL`
semantics: the setting ends with the transaction, so nothing can leak through the connection pool. Row-level security
on every cluster-owned table reads it; without it, no row is visible.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction

T = TypeVar("T")

SETTING = "clustr.cluster"
_active: ContextVar[UUID | None] = ContextVar("clustr_cluster", default=None)
_TRANSIENT = ("40001", "40P01")
_ATTEMPTS = 5


class TenantMismatch(RuntimeError):
    """A command of one cluster was called inside another's transaction: a bug."""


@contextmanager
def tenant(cluster_id: UUID) -> Iterator[None]:
    """Run the block in a transaction of this cluster; inside one of the same cluster, join it."""
    active = _active.get()
    if active is not None:
        if active != cluster_id:
            raise TenantMismatch(f"inside {active}, asked for {cluster_id}")
        yield
        return
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, str(cluster_id)])
        token = _active.set(cluster_id)
        try:
            yield
        finally:
            _active.reset(token)


def current_tenant() -> UUID:
    """The cluster of the transaction under way."""
    active = _active.get()
    if active is None:
        raise TenantMismatch("no cluster's transaction is open")
    return active


def refuse_other_tenant(cluster_id: UUID) -> None:
    """For a statement that sets its cluster itself: it may stand alone, or in a transaction of the same cluster."""
    active = _active.get()
    if active is not None and active != cluster_id:
        raise TenantMismatch(f"inside {active}, asked for {cluster_id}")


def in_tenant(cluster_id: UUID, work: Callable[[], T]) -> T:
    """Run `work` in the cluster's transaction, again from the start if PostgreSQL asks (serialization, deadlock)."""

    def whole() -> T:
        with tenant(cluster_id):
            return work()

    return retried(whole)


def retried(whole: Callable[[], T]) -> T:
    """Run what is a transaction by itself, again from the start if PostgreSQL asks (serialization, deadlock)."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return whole()
        except OperationalError as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state not in _TRANSIENT or attempt == _ATTEMPTS or _active.get() is not None:
                raise
            time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")
