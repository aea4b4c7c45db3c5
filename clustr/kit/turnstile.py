"""So many calls to one host at once, and no queue before a host that hangs: what keeps one provider's trouble its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 1.0
"""How long a call waits for its turn while the host is well."""
SICK_SECONDS = 15.0
"""How long after a call that was not heard nobody waits for a turn any more."""


class TurnstileFull(Exception):
    """As many calls as are allowed are under way; this one was not made."""


class Turnstile:
    """Lets `at_once` calls through. Others wait a moment, but not while the host does not answer: then a process's other
    threads are worth more than one more call that hangs."""

    def __init__(self, *, at_once: int, tick: Callable[[], float] = time.monotonic) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._tick = tick
        self._sick_until = float("-inf")

    @contextmanager
    def turn(self, *, at_most: float | None = None) -> Iterator[None]:
        """Have a place for the block. Raises `TurnstileFull` where there is none, after waiting so many seconds at most."""
        patience = self._patience()
        if not self._places.acquire(timeout=patience if at_most is None else min(patience, at_most)):
            raise TurnstileFull
        try:
            yield
        finally:
            self._places.release()

    def _patience(self) -> float:
        return 0.0 if self._tick() < self._sick_until else PATIENCE_SECONDS

    def not_heard(self) -> None:
        """A call ended without an answer."""
        self._sick_until = self._tick() + SICK_SECONDS

    def heard(self) -> None:
        """A call was answered."""
        self._sick_until = float("-inf")
