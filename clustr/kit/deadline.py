"""A transport that keeps one deadline over a whole exchange: resolving, connecting, TLS, writing, every read.

httpx's own timeouts start again with every byte that arrives, so a host that drips could hold a thread for ever.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx


class _Deadline(threading.local):
    at: float | None = None


_present = _Deadline()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """What this thread does through `deadline_transport` from here on ends within `seconds`, all together."""
    before = _present.at
    _present.at = time.monotonic() + seconds
    try:
        yield
    finally:
        _present.at = before


def deadline_transport(*, address_of: Callable[[str, int], str] | None = None) -> httpx.HTTPTransport:
    """A pooling transport that verifies certificates, reads nothing from the environment and keeps the deadline.

    `address_of`: the address to connect to for a host and port, or it raises; the certificate must be the host's."""
    verified = httpx.create_ssl_context(verify=True, trust_env=False)
    transport = httpx.HTTPTransport(verify=verified, trust_env=False)
    transport._pool = httpcore.ConnectionPool(
        ssl_context=verified,
        max_connections=32,
        max_keepalive_connections=8,
        keepalive_expiry=5.0,  # short: a connection the other side just closed would make an outcome unknown
        network_backend=_Backend(address_of),
    )
    return transport


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    if _present.at is None:
        return timeout
    left = _present.at - time.monotonic()
    if left <= 0:
        raise error("the deadline has passed")
    return left if timeout is None else min(left, timeout)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, address_of: Callable[[str, int], str] | None) -> None:
        self._real = httpcore.SyncBackend()
        self._address_of = address_of

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if self._address_of is not None:
            host = self._address_of(host, port)
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._real.connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream) -> None:
        self._real = real

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._real.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._real.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
