"""The payment providers' stand-in as a process of its own, what a server is told of it, and its dials."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from bench.ports import free_port

PAYSTACK_KEY, FLUTTERWAVE_HASH = "sk_test_sandbox", "sandbox-secret-hash"
_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Providers:
    """Both providers, at `url`."""

    url: str

    @property
    def environ(self) -> dict[str, str]:
        """What makes a server ask these providers."""
        return {
            "PAYSTACK_URL": f"{self.url}/paystack",
            "PAYSTACK_SECRET_KEY": PAYSTACK_KEY,
            "FLUTTERWAVE_URL": f"{self.url}/flutterwave/v3",
            "FLUTTERWAVE_SECRET_KEY": "FLWSECK_TEST-sandbox-X",
            "FLUTTERWAVE_WEBHOOK_SECRET": FLUTTERWAVE_HASH,
        }

    def dial(self, **values: float) -> None:
        """Turn dials; `paystack__any__timeout_before` is `paystack.any.timeout_before`."""
        self._control("PUT", "/dials", {name.replace("__", "."): value for name, value in values.items()})

    def heal(self) -> None:
        self._control("POST", "/heal", {})

    def _control(self, method: str, path: str, body: dict[str, float]) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own process
            f"{self.url}/_sandbox{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310 - our own process
            pass


def signature(provider: str, body: bytes) -> tuple[str, str]:
    """The header that signs a webhook of this provider."""
    if provider == "paystack":
        return "X-Paystack-Signature", hmac.new(PAYSTACK_KEY.encode(), body, hashlib.sha512).hexdigest()
    return "Verif-Hash", FLUTTERWAVE_HASH


@contextmanager
def providers_running() -> Iterator[Providers]:
    """Keep the stand-in running until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--quiet", "--port", str(port)],
        cwd=settings.PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_until_there(process, f"http://127.0.0.1:{port}/_sandbox/dials")
        yield Providers(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)


def _wait_until_there(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own process
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise RuntimeError("the sandbox did not start")
