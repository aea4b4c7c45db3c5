"""A small HTTP/1.1 load client for the loopback address: prebuilt requests, kept connections, one epoll loop."""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE_SECONDS = 60


@dataclass(slots=True)
class Outcome:
    """What came back: latencies in the order of the answers, statuses, and the bodies of all of them."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)
    unanswered: int = 0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile_ms(self, share: float) -> float:
        ranked = sorted(self.latencies)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] * 1000 if ranked else 0.0

    def failures(self, expected: int) -> int:
        return sum(count for status, count in self.statuses.items() if status != expected) + self.unanswered

    def first_failure(self, expected: int) -> str:
        """For people: what the first unexpected answer said."""
        return next(
            (
                body[:300].decode(errors="replace")
                for body in self.bodies
                if f'"status":{expected}'.encode() not in body
            ),
            "",
        )


@dataclass(slots=True)
class Lane:
    """One connection, and the request that is under way on it."""

    socket: socket.socket
    unsent: bytes = b""
    received: bytearray = field(default_factory=bytearray)
    wanted: int = 0
    sent_at: float = 0.0

    def push(self, selector: selectors.BaseSelector, data: object) -> None:
        """Send what can be sent now; the selector tells when there is room for more."""
        try:
            sent = self.socket.send(self.unsent)
        except BlockingIOError:
            sent = 0
        self.unsent = self.unsent[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.unsent else 0)
        if selector.get_key(self.socket).events != events:
            selector.modify(self.socket, events, data)


def send(
    port: int, requests: Iterable[bytes], *, connections: int, seconds: float = _PATIENCE_SECONDS, keep: bool = False
) -> Outcome:
    """Open this many connections, then send on all of them at once; each sends the next request when it has its answer.

    Ends when the requests are used up, or `seconds` after the first was sent (what is under way is still awaited).
    """
    waiting = deque(requests)
    lanes = connect(port, min(connections, len(waiting)))
    outcome = Outcome()
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for lane in lanes:
            selector.register(lane.socket, selectors.EVENT_READ, lane)
            begin(lane, waiting.popleft(), selector, data=lane)
        busy = len(lanes)
        while busy and time.perf_counter() - began < seconds + _PATIENCE_SECONDS:
            for key, events in selector.select(timeout=1):
                lane = key.data
                if events & selectors.EVENT_WRITE:
                    lane.push(selector, lane)
                if not events & selectors.EVENT_READ or not answered(lane):
                    continue
                now = time.perf_counter()
                note(outcome, lane, now, keep)
                if waiting and now - began < seconds:
                    begin(lane, waiting.popleft(), selector, data=lane)
                else:
                    busy -= 1
                    selector.unregister(lane.socket)  # the server may close it now
        outcome.seconds = time.perf_counter() - began
        outcome.unanswered = busy
    for lane in lanes:
        lane.socket.close()
    return outcome


def one_by_one(port: int, requests: Sequence[bytes], *, keep: bool = False) -> Outcome:
    """On one connection, each after the answer to the last."""
    return send(port, requests, connections=1, keep=keep)


def connect(port: int, count: int) -> list[Lane]:
    """So many open connections."""
    lanes = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        lanes.append(Lane(connection))
    return lanes


def begin(lane: Lane, request: bytes, selector: selectors.BaseSelector, *, data: object) -> None:
    """Send a request on this connection; `data` is what the selector is to tell of it."""
    lane.unsent, lane.wanted, lane.sent_at = request, 0, time.perf_counter()
    lane.received.clear()
    lane.push(selector, data)


def answered(lane: Lane) -> bool:
    """Read what there is; True once the whole answer has come."""
    try:
        part = lane.socket.recv(262_144)
    except BlockingIOError:
        return False
    if not part:
        raise ConnectionError("the server closed a connection before its answer")
    lane.received += part
    if not lane.wanted:
        end = lane.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = _LENGTH.search(lane.received, 0, end + 4)
        if length is None:
            raise ConnectionError("an answer without Content-Length")
        lane.wanted = end + 4 + int(length[1])
    return len(lane.received) >= lane.wanted


def note(outcome: Outcome, lane: Lane, now: float, keep: bool) -> None:
    """Count the answer that has come."""
    status = int(lane.received[9:12])
    outcome.latencies.append(now - lane.sent_at)
    outcome.statuses[status] += 1
    if keep or not 200 <= status < 300:
        outcome.bodies.append(bytes(lane.received[lane.received.find(b"\r\n\r\n") + 4 :]))
