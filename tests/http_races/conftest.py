"""The real web server on this process's database, and a way to ask it as people of the cast."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connections

from tests.cast import Person, client_of
from tests.http_races.release import Answer, let_go, request

WORKERS, THREADS = 2, 8
BURST = 40
_PATIENCE_SECONDS = 90
_OUTSIDE = ("DATABASE_URL", "DATABASE_APP_URL", "CLUSTR_BASE_URL")


@dataclass
class Door:
    """Requests of people, ready to be let go."""

    port: int
    tokens: dict[UUID, dict[str, str]] = field(default_factory=dict)

    def post(self, person: Person, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> bytes:
        """With an Idempotency-Key of its own, unless one is given."""
        headers = self._signed_in(person) | {"Idempotency-Key": key or str(uuid4())}
        return request(more.pop("method", "POST"), path, body, headers | more.pop("headers", {}), **more)

    def patch(self, person: Person, path: str, body: Any) -> bytes:
        return self.post(person, path, body, method="PATCH")

    def get(self, person: Person, path: str, **headers: str) -> bytes:
        return request("GET", path, None, self._signed_in(person) | headers)

    def let_go(self, requests: Sequence[bytes]) -> list[Answer]:
        """All at once. Whatever becomes of them, none breaks."""
        answers = let_go(requests, port=self.port)
        assert [answer.content for answer in answers if answer.status >= 500] == []
        return answers

    def ask(self, sent: bytes) -> Answer:
        return self.let_go([sent])[0]

    def _signed_in(self, person: Person) -> dict[str, str]:
        if person.user_id not in self.tokens:
            self.tokens[person.user_id] = client_of(person).headers
        return self.tokens[person.user_id]


@pytest.fixture(scope="session")
def port(django_db_setup: None) -> Iterator[int]:
    """granian as `bin/run` starts it. Throttles let a whole race through: a burst, which then does not fill up again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.http_races.settings",
        "RACES_DATABASE": str(connections["default"].settings_dict["NAME"]),
        "CLUSTR_LOG_LEVEL": "ERROR",
        "THROTTLE_MONEY_BURST": str(BURST),
        "THROTTLE_MONEY_PER_MINUTE": "1",
        "THROTTLE_NAMES_PER_MINUTE": "1000",
        "THROTTLE_NAMES_PER_ESTATE": "1000",
        "THROTTLE_ADDRESS_PER_MINUTE": "1000000",
    }
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "error"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
        *("--workers-kill-timeout", "10", "--working-dir", str(settings.PROJECT_ROOT), "clustr.wsgi:application"),
    ]
    kept = {name: value for name, value in os.environ.items() if name not in _OUTSIDE}
    server = subprocess.Popen(command, env={**kept, **environment}, cwd=settings.PROJECT_ROOT)
    try:
        _wait_until_ready(server, port)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture
def door(port: int) -> Door:
    return Door(port)


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the web server does not start")
