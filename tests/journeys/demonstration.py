"""A demonstration of its own for the browser: started as `bin/run` starts one, and things for its people to look at."""

from __future__ import annotations

import base64
import hmac
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from clustr.kit import clock

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "clustr-demo"
BOLA, ADA = "bola@palmgrove.test", "ada@palmgrove.test"
_PATIENCE_SECONDS = 300
_OUTSIDE = ("DATABASE_", "PAYSTACK_", "FLUTTERWAVE_", "DJANGO_", "CLUSTR_", "COV_")


@dataclass
class Demonstration:
    """Where it answers, and its API for getting something to look at."""

    url: str
    folder: Path
    environ: dict[str, str]
    recovery_codes: dict[str, list[str]] = field(default_factory=dict)
    """Of everybody who has a second factor, by address; each signs in once."""
    _tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, email: str, method: str, path: str, body: Any = None, *, refused: int = 0) -> Any:
        """One request of the API as this person; refuses to be refused, except with the status that is expected."""
        if email not in self._tokens:
            signed_in = self._send("POST", "/_allauth/app/v1/auth/login", {"email": email, "password": PASSWORD}, {})
            self._tokens[email] = signed_in["meta"]["access_token"]
        headers = {"Authorization": f"Bearer {self._tokens[email]}", "Idempotency-Key": str(uuid4())}
        return self._send(method, path, body, headers, refused)

    def second_factor(self, email: str) -> None:
        """Switch it on for this person, and note their recovery codes."""
        app = "/_allauth/app/v1/"
        self.ask(email, "POST", f"{app}auth/reauthenticate", {"password": PASSWORD})
        secret = self.ask(email, "GET", f"{app}account/authenticators/totp", refused=404)["meta"]["secret"]
        self.ask(email, "POST", f"{app}account/authenticators/totp", {"code": _code_now(secret)})
        found = self.ask(email, "GET", f"{app}account/authenticators/recovery-codes")
        self.recovery_codes[email] = list(found["data"]["unused_codes"])

    def manage(self, *words: str) -> str:
        """`bin/manage ...` beside it."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=ROOT, env=self.environ, check=True, capture_output=True, text=True).stdout

    def mail_to(self, email: str) -> str:
        """The last mail to this address, "" if there is none yet."""
        found = [
            path.read_text()
            for path in sorted((self.folder / "mail").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        ]
        mine = [text for text in found if f"To: {email}" in text]
        return mine[-1] if mine else ""

    def bill(self, title: str, amount: str, *, days: float = 14, type: str = "service_charge", **more: Any) -> str:
        """A bill of Ada's to everybody, or to whom `user_id` names; answers its id."""
        due = (clock.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"title": title, "amount": amount, "type": type, "due_date": due, **more}
        return str(self.ask(ADA, "POST", "/management/payments/create_bill/", body)["id"])

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str], refused: int = 0) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(  # noqa: S310 - our own address
            self.url + path, data, headers | {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own address
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code == refused:
                return json.loads(error.read())
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error


@contextmanager
def demonstration(*, members: int = 12, keep_log: Path | None = None) -> Iterator[Demonstration]:
    """Run one, and end it with everything it started."""
    with tempfile.TemporaryDirectory(prefix="clustr-") as folder:
        port = _free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OUTSIDE)}
        environ = kept | {"CLUSTR_DATA_DIR": folder, "PORT": str(port), "CLUSTR_DEMO_MEMBERS": str(members)}
        log = keep_log or Path(folder) / "serve.log"
        with log.open("w") as out:
            server = subprocess.Popen(
                [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environ, stdout=out, stderr=subprocess.STDOUT
            )
            try:
                url = f"http://127.0.0.1:{port}"
                _wait_until_ready(server, url, log)
                yield Demonstration(url, Path(folder), environ)
            finally:
                server.terminate()
                try:
                    server.wait(40)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()


def _code_now(secret: str) -> str:
    """What an authenticator app shows (RFC 6238)."""
    digest = hmac.digest(base64.b32decode(secret), (int(time.time()) // 30).to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the demonstration does not start:\n{log.read_text()[-3000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
