"""Read by each Python that has this folder on its path: what would listen to the whole network listens to its own machine."""

import socket
from typing import Any

_bind = socket.socket.bind


def bind(self: socket.socket, address: Any) -> None:
    """Every address of both families becomes the loopback of IPv4, which a socket of IPv6 can take too."""
    if isinstance(address, tuple) and address[0] in ("", "0.0.0.0", "::"):  # noqa: S104  (it is what we refuse)
        local = "::ffff:127.0.0.1" if self.family == socket.AF_INET6 else "127.0.0.1"
        address = (local, *address[1:])
    _bind(self, address)


socket.socket.bind = bind  # type: ignore[method-assign, assignment]
