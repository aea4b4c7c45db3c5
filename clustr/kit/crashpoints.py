"""Named places where a process can be made to die, so that tests can show what then stands in the books.

    with tenant(actor.cluster_id), crash_points("bills.pay"):

A place does nothing unless it is armed: by `CLUSTR_CRASH_AT=bills.pay.before_commit` (or `:raise`, or `:kill`, which ends
the process as `kill -9` would), which production refuses, or by a test in the same process (`watching`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from django.conf import settings
from django.db import transaction

Reached = Callable[[str], object]


class Crash(RuntimeError):
    """The process was told to fail at this place."""


_reached: Reached | None = None
_asked = False


def crash_point(name: str) -> None:
    """Fail here, if this place is armed."""
    reached = _watcher()
    if reached is not None:
        reached(name)


class crash_points:  # noqa: N801 - used as a verb
    """The three places of a command: `name.before` its first statement, `name.before_commit` after its last, and
    `name.after_commit`, once the transaction it is part of has committed. Stands inside that transaction."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        crash_point(f"{self.name}.before")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None and _watcher() is not None:
            crash_point(f"{self.name}.before_commit")
            transaction.on_commit(lambda: crash_point(f"{self.name}.after_commit"))


@contextmanager
def watching(reached: Reached) -> Iterator[None]:
    """For tests: inside, call `reached` with the name of every place that is passed."""
    global _reached, _asked
    _refuse_production()
    kept = _reached, _asked
    _reached, _asked = reached, True
    try:
        yield
    finally:
        _reached, _asked = kept


def failing(at: str) -> Reached:
    """What to call at every place so that the one `at` names ("name", "name:raise", "name:kill") fails."""
    wanted, _, way = at.partition(":")
    if way not in ("", "raise", "kill"):
        raise ValueError(f"a crash is `:raise` or `:kill`, not {way!r}")

    def reached(name: str) -> None:
        if name != wanted:
            return
        if way == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise Crash(name)

    return reached


def _watcher() -> Reached | None:
    global _reached, _asked
    if not _asked:
        _asked = True
        if settings.ENV.CLUSTR_CRASH_AT:
            _refuse_production()
            _reached = failing(settings.ENV.CLUSTR_CRASH_AT)
    return _reached


def _refuse_production() -> None:
    if settings.ENV.production:
        raise RuntimeError("production does not crash on request")
