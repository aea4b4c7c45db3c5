"""Races: many callables let go in the same instant, each in a thread with a real connection of its own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections

from clustr.kit.tenancy import tenant

CROWD = 20
_PATIENCE_SECONDS = 60
_SOMEBODY_WAITS = """SELECT EXISTS (SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)"""


@dataclass(frozen=True)
class Outcome:
    """What became of one runner: its result, or the exception it ended with."""

    result: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class Race:
    """How a race ended, runner by runner."""

    outcomes: tuple[Outcome, ...]

    @property
    def results(self) -> list[Any]:
        """What the runners that came through answered."""
        return [outcome.result for outcome in self.outcomes if outcome.error is None]

    @property
    def errors(self) -> list[Exception]:
        return [outcome.error for outcome in self.outcomes if outcome.error is not None]

    @property
    def refused(self) -> Counter[str]:
        """How many runners ended with each class of exception."""
        return Counter(type(error).__name__ for error in self.errors)

    def only(self, *expected: type[Exception]) -> Race:
        """This race, if nothing but these exceptions happened; else the first other one, as it was raised."""
        for error in self.errors:
            if not isinstance(error, expected):
                raise error
        return self


def race(work: Callable[[], Any] | Sequence[Callable[[], Any]], *, runners: int = CROWD) -> Race:
    """Run `work` on each of `runners` connections at once, or each of several works on one of its own.

    Every thread has connected before the first is let go.
    """
    works = [work] * runners if callable(work) else list(work)
    start = threading.Barrier(len(works))
    outcomes = [Outcome()] * len(works)

    def run(lane: int) -> None:
        with own_connections():
            try:
                connections["default"].ensure_connection()
                start.wait(_PATIENCE_SECONDS)
                outcomes[lane] = Outcome(works[lane]())
            except Exception as error:  # noqa: BLE001 - the race reports it
                outcomes[lane] = Outcome(error=error)

    threads = [threading.Thread(target=run, args=(lane,), daemon=True) for lane in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "a runner never arrived"
    return Race(tuple(outcomes))


@contextmanager
def own_connections() -> Any:
    """Give this thread connections outside the process's pool, and close them afterwards."""
    for alias in connections:
        fresh = connections.create_connection(alias)
        fresh.settings_dict = deepcopy(fresh.settings_dict)
        fresh.settings_dict["OPTIONS"].pop("pool", None)
        connections[alias] = fresh
    try:
        yield
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()


def beside(work: Callable[[], Any], every: Callable[[], Any], *, runners: int = CROWD) -> tuple[Race, list[Any]]:
    """Race `work` while one more connection calls `every` again and again; answers the race and every answer."""
    done = threading.Event()
    seen: list[Any] = []
    failed: list[Exception] = []

    def watch() -> None:
        with own_connections():
            try:
                while not done.is_set():
                    seen.append(every())
                seen.append(every())
            except Exception as error:  # noqa: BLE001 - raised again below
                failed.append(error)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        ended = race(work, runners=runners)
    finally:
        done.set()
        watcher.join(_PATIENCE_SECONDS)
    if failed:
        raise failed[0]
    return ended, seen


def stay_open() -> None:
    """Let the transaction under way be idle for as long as the test needs."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def one_after_the_other(cluster_id: UUID, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Race, bool]:
    """Do `first` in a transaction of the cluster that ends only when `second`, begun meanwhile, waits for it or has ended.
    Answers how both ended, and whether the second waited."""
    done, over, waited = threading.Event(), threading.Event(), threading.Event()

    def lead() -> Any:
        try:
            with tenant(cluster_id):
                result = first()
                stay_open()
                done.set()
                _watch(waited, over)
            return result
        finally:
            done.set()

    def follow() -> Any:
        try:
            done.wait(_PATIENCE_SECONDS)
            return second()
        finally:
            over.set()

    return race([lead, follow]), waited.is_set()


def _watch(waited: threading.Event, over: threading.Event) -> None:
    """Look whether a session of this database waits for another, until one does or it is over."""
    fresh = connections.create_connection("owner")
    try:
        with fresh.cursor() as cursor:
            while not over.is_set():
                cursor.execute(_SOMEBODY_WAITS)
                if cursor.fetchone() == (True,):
                    waited.set()
                    return
                time.sleep(0.02)
    finally:
        fresh.close()
