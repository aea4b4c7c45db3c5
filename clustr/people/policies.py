"""Pure rules about people: how an address is written, from where a request comes, and what an erased person looks like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from clustr.people.refusals import InvalidEmail

ERASED_NAME = "Erased person"
PHONE = re.compile(r"([+0-9 ()./-]*[0-9][+0-9 ()./-]*)?", re.ASCII)


def normalised_email(text: str) -> str:
    """The one way an address is stored and compared: trimmed, NFKC, lower case. Refuses what is not an address."""
    email = unicodedata.normalize("NFKC", text).strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidEmail("{typed} is not an e-mail address.", typed=repr(text[:254])) from error
    if len(email) > 254 or email.endswith("@erased.invalid"):
        raise InvalidEmail("{typed} cannot be used as an e-mail address.", typed=repr(text[:254]))
    return email


_JOINERS = "\u200c\u200d"


def one_line(text: str) -> str:
    """Text for a mail's subject or a name: one line, no control characters, single spaces. Joiners stay: Persian and
    Hausa in Arabic letters are spelt with them."""
    return " ".join("".join(char if char.isprintable() or char in _JOINERS else " " for char in text).split())


def erased_email(user_id: UUID) -> str:
    """What stands in the place of an erased person's address; no mail can reach it."""
    return f"erased-{user_id}@erased.invalid"


def client_address(*, remote: str, forwarded_for: str, trusted: Iterable[str]) -> str:
    """The client's address. `X-Forwarded-For` is believed from the right, and only as far as trusted proxies wrote it."""
    networks = [ip_network(proxy, strict=False) for proxy in trusted]

    def is_trusted(address: IPv4Address | IPv6Address) -> bool:
        return any(address.version == network.version and address in network for network in networks)

    present = _address(remote)
    if present is None:
        return "0.0.0.0"  # noqa: S104 - a unix socket has no address; all such clients count as one
    for hop in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not is_trusted(present):
            break
        address = _address(hop)
        if address is None:
            break
        present = address
    return str(present)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_phone(text: str) -> bool:
    """Whether this can be a phone number, however it is written: digits with what people put between them, or nothing."""
    return PHONE.fullmatch(text) is not None
