"""One POST to an address that somebody else chose: never to a private one, whatever its name resolves to when it counts.

The name is resolved once, in the moment of connecting, and the connection goes to the address that was checked: a name
that answers otherwise the second time (DNS rebinding) gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import httpx

from clustr.kit.deadline import deadline, deadline_transport
from clustr.kit.outbound import NothingSent, OutcomeUnknown, outbound_client

_EMBEDDING = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))
"""Ranges of IPv6 that lead to an address of IPv4 which stands inside them."""
_RESERVED = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24")))
"""Ranges of IPv4 for purposes of the network itself, which not every Python counts as private."""
_NAMES = ("localhost", "local", "internal", "lan", "home", "intranet", "corp", "test", "invalid", "onion")


class NotPublic(NothingSent):
    """The address is not on the public internet, or is not written as one may."""

    def __init__(self) -> None:
        super().__init__("not_public")


def is_public(address: str) -> bool:
    """Whether this address (in numbers) is one of the public internet."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    if mapped is not None:
        found = mapped
    if isinstance(found, IPv6Address) and any(found in network for network in _EMBEDDING):
        return False
    if isinstance(found, IPv4Address) and any(found in network for network in _RESERVED):
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def public_address(host: str, port: int) -> str:
    """The address to connect to, checked; refuses `NotPublic` if the name leads, also, anywhere that is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NothingSent("no_such_host") from None
    addresses = [str(info[4][0]) for info in found]
    if not addresses or not all(map(is_public, addresses)):
        raise NotPublic
    return addresses[0]


def refuse_private_url(url: str) -> None:
    """Refuse `NotPublic` for what can be told from the address as it is written: not https, with a user or another port
    than 443 and 8443, a name of a local network, or numbers that are not public."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotPublic from None
    written = parts.scheme == "https" and host and "@" not in parts.netloc and port in (None, 443, 8443)
    if not written or not url.isascii() or any(sign in url for sign in " \\\t\r\n") or parts.fragment:
        raise NotPublic
    try:
        public = is_public(host)
    except ValueError:
        labels = host.rstrip(".").split(".")
        public = len(labels) > 1 and labels[-1] not in _NAMES and not labels[-1][:1].isdigit()
    if not public:
        raise NotPublic


@cache
def _client() -> httpx.Client:
    """The client of this process that connects to public addresses only."""
    return outbound_client(base_url="", timeout_seconds=30, transport=deadline_transport(address_of=public_address))


def post_out(
    *,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    seconds: float,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """POST, and answer the HTTP status; what is answered beside it is not read. Outside any transaction.

    Raises `NothingSent` (also `NotPublic`) and `OutcomeUnknown`.
    """
    refuse_private_url(url)
    client = outbound_client(base_url="", timeout_seconds=seconds, transport=transport) if transport else _client()
    try:
        request = client.build_request("POST", url, content=content, headers=dict(headers))
        with deadline(seconds):
            response = client.send(request, stream=True)
            response.close()
            return response.status_code
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NothingSent(type(error).__name__) from None
    except httpx.HTTPError as error:
        raise OutcomeUnknown(type(error).__name__) from None
    except httpx.InvalidURL:
        raise NotPublic from None
