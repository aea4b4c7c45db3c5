"""Load that does not wait for answers: so many requests a second, whatever the server does, as people and providers send."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.load import Lane, Outcome, answered, begin, connect, note

_PATIENCE_SECONDS = 60


@dataclass(slots=True)
class Stream:
    """Requests at an even pace, on connections of their own; `outcome` is filled while they are sent.

    Latency counts from the instant at which a request was due: waiting for a free connection is part of it.
    """

    requests: Sequence[bytes]
    per_second: float
    connections: int
    outcome: Outcome = field(default_factory=Outcome)
    _sent: int = 0
    _idle: deque[Lane] = field(default_factory=deque)
    _lanes: list[Lane] = field(default_factory=list)

    def due_at(self) -> float | None:
        """Seconds from the beginning at which the next is to be sent."""
        return self._sent / self.per_second if self._sent < len(self.requests) else None

    def under_way(self) -> int:
        return len(self._lanes) - len(self._idle)

    def open(self, port: int, selector: selectors.BaseSelector) -> None:
        self._lanes = connect(port, self.connections)
        for lane in self._lanes:
            selector.register(lane.socket, selectors.EVENT_READ, (self, lane))
            self._idle.append(lane)

    def close(self) -> None:
        for lane in self._lanes:
            lane.socket.close()

    def send_due(self, began: float, selector: selectors.BaseSelector) -> None:
        """Send what is due, as far as there are connections for it."""
        while self._idle and (due := self.due_at()) is not None and began + due <= time.perf_counter():
            lane = self._idle.popleft()
            begin(lane, self.requests[self._sent], selector, data=(self, lane))
            lane.sent_at = began + due
            self._sent += 1

    def hear(self, lane: Lane, *, keep: bool) -> None:
        note(self.outcome, lane, time.perf_counter(), keep)
        self._idle.append(lane)


def send_paced(port: int, streams: Sequence[Stream], *, keep: bool = False) -> None:
    """Send these streams beside each other, to their end; what is under way then is awaited for a minute."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            stream.open(port, selector)
        began = time.perf_counter()
        latest = max(len(stream.requests) / stream.per_second for stream in streams) + _PATIENCE_SECONDS
        while time.perf_counter() - began < latest:
            for stream in streams:
                stream.send_due(began, selector)
            dues = [due for stream in streams if stream._idle and (due := stream.due_at()) is not None]
            if not dues and not any(stream.under_way() for stream in streams):
                break
            pause = max(0.0, began + min(dues) - time.perf_counter()) if dues else 1.0
            _look(selector, pause, keep)
        seconds = time.perf_counter() - began
    for stream in streams:
        stream.outcome.seconds = seconds
        stream.outcome.unanswered = len(stream.requests) - len(stream.outcome.latencies)
        stream.close()


def _look(selector: selectors.BaseSelector, pause: float, keep: bool) -> None:
    for key, events in selector.select(timeout=pause):
        stream, lane = key.data
        if events & selectors.EVENT_WRITE:
            lane.push(selector, data=key.data)
        if events & selectors.EVENT_READ and answered(lane):
            stream.hear(lane, keep=keep)
