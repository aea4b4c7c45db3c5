"""What is wrong with the settings: what cannot mean anything, and what is not safe in production. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_ENCRYPTED = {"require", "verify-ca", "verify-full"}
_FEWEST_DIFFERENT = 16
"""Different characters of a secret, or bytes of a key; one made at random has many more."""


def base_url_problems(url: str) -> Iterator[str]:
    parts = _split(url)
    if url and (parts is None or parts.scheme not in ("http", "https") or not parts.hostname):
        yield "CLUSTR_BASE_URL must be a URL with a host"


def email_url_problems(url: str) -> Iterator[str]:
    parts = _split(url)
    if url and (parts is None or parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        yield "EMAIL_URL must be smtp://host (STARTTLS) or smtps://host"


def proxy_problems(proxies: str, *, production: bool) -> Iterator[str]:
    for entry in filter(None, map(str.strip, proxies.split(","))):
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            yield "CLUSTR_TRUSTED_PROXIES must be addresses or networks, comma-separated"
        else:
            if production and network.prefixlen == 0:
                yield "CLUSTR_TRUSTED_PROXIES must not be everybody"


def database_url_problems(name: str, url: str, *, production: bool) -> Iterator[str]:
    """A database's URL names its server, by host or socket, and its database; far away only over TLS."""
    if not url:
        return
    parts = _split(url)
    if parts is None or parts.scheme not in ("postgresql", "postgres"):
        yield f"{name} must be a postgresql:// URL"
        return
    query = dict(parse_qsl(parts.query))
    hosts = [unquote(host) for host in (parts.hostname, query.get("host"), query.get("hostaddr")) if host]
    if not hosts or not parts.path.strip("/"):
        yield f"{name} must name a host or a socket, and a database"
    elif production and not all(map(_is_here, hosts)) and query.get("sslmode") not in _ENCRYPTED:
        yield f"{name} names another machine: it needs sslmode=verify-full, or at least require"


def too_uniform(secret: Collection[str] | bytes) -> bool:
    """Whether a secret was typed rather than made: it has few different characters or bytes."""
    return len(set(secret)) < _FEWEST_DIFFERENT


def _is_here(hosts: str) -> bool:
    return all(host.startswith("/") or host == "localhost" or _is_loopback(host) for host in hosts.split(","))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
