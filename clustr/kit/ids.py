"""Identifiers: UUIDv7 for machines, short references for people."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_WRITTEN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_NAMESPACE = UUID("6b1c9a52-5c0a-7c1e-9d5b-3f1f6d1c0a11")


def new_id() -> UUID:
    """A fresh UUIDv7: ordered by time of making, unguessable in its last 74 bits."""
    return uuid7()


def parse_id(text: str) -> UUID:
    """The id that stands in a text as RFC 9562 writes it, in either case; braces, `urn:` and the like are a ValueError."""
    if not _WRITTEN.fullmatch(text):
        raise ValueError("not an id")
    return UUID(text)


def earliest_id(instant: datetime) -> UUID:
    """The smallest id that `new_id()` can have made at this instant of the machine's clock, or after it."""
    return UUID(int=int(instant.timestamp() * 1_000) << 80)


REFERENCE_LENGTH = 26


def derived_id(*parts: object) -> UUID:
    """The same id for the same parts, always: the key of an effect that must happen once per cause."""
    return uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts))


def reference_of(id: UUID) -> str:
    """The reference people see for a transaction: its id in Crockford's base 32, 26 characters, unique by nature."""
    number = id.int
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -10, -10)])


def id_of_reference(reference: str) -> UUID | None:
    """The id that `reference_of` made this of; None for anything else. Small letters are fine."""
    text = reference.upper()
    if len(text) != REFERENCE_LENGTH or not set(text) <= set(_CROCKFORD):
        return None
    number = 0
    for character in text:
        number = number << 5 | _CROCKFORD.index(character)
    return UUID(int=number) if number < 1 << 128 else None


def new_reference(prefix: str) -> str:
    """A reference people can read aloud: prefix, then 60 random bits in Crockford's base 32 ("PAY-7K3M9ZQ4T2XA")."""
    return f"{prefix}-{_base32(secrets.randbits(60), 60)}"


def new_code() -> str:
    """Sixteen characters of Crockford's base 32 (80 random bits) that nobody guesses: what opens something to its bearer."""
    return _base32(secrets.randbits(80), 80)


def _base32(number: int, bits: int) -> str:
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(bits - 5, -5, -5))
