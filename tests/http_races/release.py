"""Many requests let go as one: each on a socket of its own, sent but for its last byte, and then all last bytes at once.

What differs between the requests on the way, connecting and sending and parsing, is over by then: the server has all of
them in hand and lacks one byte of each, which is one small packet.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_PATIENCE_SECONDS = 60
_ARRIVED_SECONDS = 0.05


@dataclass(frozen=True)
class Answer:
    """What came back on one socket."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def said(self) -> str:
        """The problem's code, or the status of what is no problem."""
        if self.headers.get("content-type") == "application/problem+json":
            return str(self.json()["code"])
        return str(self.status)

    @property
    def replayed(self) -> bool:
        return "idempotent-replayed" in self.headers


def request(
    method: str, path: str, body: object = None, headers: dict[str, str] | None = None, kind: str = "application/json"
) -> bytes:
    """A request as it is sent; `body` is JSON, or bytes as they are."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", "Accept": "application/json", **(headers or {})}
    if method != "GET":
        lines |= {"Content-Type": kind, "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def let_go(requests: Sequence[bytes], *, port: int) -> list[Answer]:
    """Send them all as one; the answers, in the order of the requests."""
    lines = [socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) for _ in requests]
    try:
        for line, sent in zip(lines, requests, strict=True):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.sendall(sent[:-1])
        time.sleep(_ARRIVED_SECONDS)
        for line, sent in zip(lines, requests, strict=True):
            line.send(sent[-1:])
        return [_answer(line) for line in lines]
    finally:
        for line in lines:
            line.close()


def said(answers: Sequence[Answer]) -> dict[str, int]:
    """How often each was answered."""
    return dict(Counter(answer.said for answer in answers))


def _answer(line: socket.socket) -> Answer:
    got = http.client.HTTPResponse(line)
    got.begin()
    return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
