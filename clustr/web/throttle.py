"""So many requests a minute from one address, for all processes together, without a database write for each.

A process takes turns for an address from the shared throttle in handfuls (one hundredth of the limit) and gives them
out from memory. The first few requests of a minute are free of that, so that ordinary visitors cost nothing at all.
docs/decisions/0005 has the reasons and the error this allows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from clustr.audit.types import Bucket
from clustr.kit.networks import network_of

_MOST_ADDRESSES = 50_000
_MINUTE = 60.0


@dataclass(slots=True)
class _Handful:
    left: int
    until: float
    refused_until: float = 0.0


class AddressThrottle:
    """One per process. `take` is the shared throttle: it answers the seconds to wait for a bucket, 0.0 for none."""

    def __init__(
        self, per_minute: int, take: Callable[[Bucket], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_minute = per_minute
        self._free = per_minute // 100
        self._size = max(1, self._free)
        self._take = take
        self._clock = clock
        self._held: dict[str, _Handful] = {}
        self._lock = threading.Lock()

    def seconds_to_wait(self, address: str) -> float:
        """Count one request of this address; 0.0 if it may go on."""
        name, now = network_of(address), self._clock()
        with self._lock:
            held = self._held.get(name)
            if held is None or held.until <= now:
                held = self._held[name] = _Handful(left=self._free, until=now + _MINUTE)
                self._forget_the_past(now)
            if held.refused_until > now:
                return held.refused_until - now
            if held.left > 0:
                held.left -= 1
                return 0.0
        return self._ask(name, held)

    def _ask(self, name: str, held: _Handful) -> float:
        """Outside the lock: other addresses must not wait for the database."""
        wait = self._take(Bucket(f"address:{name}", self._per_minute, burst=self._per_minute, cost=self._size))
        with self._lock:
            if wait > 0:
                held.refused_until = self._clock() + wait
            else:
                held.left += self._size - 1
        return wait

    def _forget_the_past(self, now: float) -> None:
        if len(self._held) > _MOST_ADDRESSES:
            self._held = {name: held for name, held in self._held.items() if held.until > now}
        while len(self._held) > _MOST_ADDRESSES:
            self._held.pop(next(iter(self._held)))
