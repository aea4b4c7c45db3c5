"""Mail through a service, by django-anymail: what its answers mean. The service is a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clustr.notifications import commands
from clustr.notifications.types import Audience
from tests.cast import Cast
from tests.notifications.acts import fan_out, messages, tell


class _Service(ThreadingHTTPServer):
    """Speaks Postmark's wire."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status, self.code = 200, 0
        self.heard: list[Any] = []


class _Answering(BaseHTTPRequestHandler):
    server: _Service

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(sent)
        if self.server.status == 0:
            self.connection.close()
            return
        answer = {"ErrorCode": self.server.code, "Message": "OK", "MessageID": "1", "To": sent["To"]}
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def service(settings: Any) -> Iterator[_Service]:
    server = _Service()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {
        "POSTMARK_SERVER_TOKEN": "token",
        "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_address[1]}/",
    }
    yield server
    server.shutdown()
    server.server_close()


def _outcome(cast: Cast) -> tuple[str, str]:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    commands.deliver(cluster_id=cast.cluster_id, now=cast.now, seconds=60)
    (row,) = messages(cast.cluster_id)
    return row.state, row.why


def test_it_works(cast: Cast, service: _Service) -> None:
    assert _outcome(cast) == ("sent", "")
    (sent,) = service.heard
    assert sent["To"] == cast.bola.email
    assert "₦5,000.00" in sent["TextBody"] and "₦5,000.00" in sent["HtmlBody"]


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        (500, 0, "interrupted"),
        (503, 0, "interrupted"),
        (0, 0, "interrupted"),
        (429, 0, "queued"),
        (401, 10, "queued"),
        (422, 300, "failed"),
    ],
)
def test_what_its_answers_mean(cast: Cast, service: _Service, status: int, code: int, state: str) -> None:
    """What may have been taken is not repeated; too fast is asked again; a refusal is final."""
    service.status, service.code = status, code
    assert _outcome(cast)[0] == state
    assert len(service.heard) == 1


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("anymail://postmark?server_token=abc", "anymail.backends.postmark.EmailBackend"),
        ("smtp://user:pin@mail.example:587", "django.core.mail.backends.smtp.EmailBackend"),
        ("", "django.core.mail.backends.filebased.EmailBackend"),
    ],
)
def test_the_setting(url: str, backend: str) -> None:
    import os
    import subprocess
    import sys

    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from clustr import settings; print(settings.EMAIL_BACKEND);"
            "print(getattr(settings, 'ANYMAIL', {}).get('POSTMARK_SERVER_TOKEN'))",
        ],
        env=os.environ | {"EMAIL_URL": url, "CLUSTR_ENV": "test"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert said == [backend, "abc" if "anymail" in url else "None"]
