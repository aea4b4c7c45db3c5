"""The one way out to the internet: an HTTP client that refuses to run inside a transaction and follows no redirect."""

from __future__ import annotations

import httpx
from django.db import connections


class NetworkInTransaction(RuntimeError):
    """The outside world was called while a transaction was open: a bug."""


def _outside_transactions(_request: httpx.Request) -> None:
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise NetworkInTransaction(f"a transaction is open on {connection.alias!r}")


def outbound_client(
    *, base_url: str, timeout_seconds: float, transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """A client for one provider. Each request is checked to be between transactions; redirects are not followed."""
    return httpx.Client(
        base_url=base_url,
        timeout=timeout_seconds,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        event_hooks={"request": [_outside_transactions]},
    )
