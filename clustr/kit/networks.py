"""Whom an address stands for where requests are counted."""

from __future__ import annotations

import ipaddress


def network_of(address: str | None) -> str:
    """Who shares a limit: one IPv4 address, or one IPv6 /64, which is what one subscriber is given."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
