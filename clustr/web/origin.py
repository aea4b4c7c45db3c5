"""From where a request came: address, client, and an id that follows it through the logs."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from functools import cache

from django.http import HttpRequest

from clustr.kit.actor import Origin
from clustr.kit.texts import holds_card_number

_LONGEST_AGENT = 200
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def origin_of(request: HttpRequest, *, trusted_proxies: Sequence[str]) -> Origin:
    """The origin of this request. X-Forwarded-For and X-Request-ID are believed only as far as they can be; what holds a
    card's number is kept nowhere."""
    sent = request.headers.get("User-Agent", "")[: 4 * _LONGEST_AGENT]
    agent = "".join(character for character in sent if character.isprintable())[:_LONGEST_AGENT]
    return Origin(
        ip=_address(request, tuple(trusted_proxies)),
        user_agent="" if holds_card_number(agent) else agent,
        request_id=_request_id(request),
    )


def _request_id(request: HttpRequest) -> str:
    sent = request.headers.get("X-Request-ID", "")
    return sent if _REQUEST_ID.fullmatch(sent) and not holds_card_number(sent) else secrets.token_hex(12)


def _address(request: HttpRequest, trusted: tuple[str, ...]) -> str | None:
    """The nearest address that is not one of our proxies, read from the right: what stands further left, anybody may
    have written."""
    nearest = _parsed(request.META.get("REMOTE_ADDR", ""))
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if nearest is None or not _is_trusted(nearest, trusted):
            break
        further = _parsed(hop.strip())
        if further is None:
            break
        nearest = further
    return nearest


def _parsed(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.IPv6Address(address.packed)  # a zone is not part of an address
    return str(address)


@cache
def _networks(trusted: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(entry, strict=False) for entry in trusted)


def _is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in _networks(trusted))
