"""Carries webhooks to ClustR, from a thread of its own."""

from __future__ import annotations

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from sandbox.core import Sandbox
from sandbox.hooks import Delivery

_LOOK_EVERY_SECONDS = 0.05
_AT_ONCE = 8


class Courier(threading.Thread):
    """Looks for webhooks that are due until told to stop. A slow receiver holds up at most eight at a time."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(name="courier", daemon=True)
        self._sandbox = sandbox
        self._stopping = threading.Event()
        self._hands = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="courier")

    def run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            for delivery in self._sandbox.due_webhooks():
                self._hands.submit(self._carry, delivery)

    def stop(self) -> None:
        self._stopping.set()
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _carry(self, delivery: Delivery) -> None:
        self._sandbox.delivered(delivery, post(delivery))


def post(delivery: Delivery) -> int | None:
    """Send it once; the status, or None if nothing was answered. Redirects are not followed."""
    parts = urlsplit(delivery.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=delivery.patience_seconds)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target or "/", body=delivery.body, headers=delivery.headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
