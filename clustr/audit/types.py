"""Nouns of the trail, of first answers, and of throttling. No database."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.audit.refusals import InvalidIdempotencyKey

_PRINTABLE = re.compile(r"[ -+\--~]{1,255}")
"""No comma: HTTP joins repeated headers by it, and two keys are none."""


@dataclass(frozen=True, slots=True)
class Event:
    """One act of the trail. `actor_id` None: the system acted by itself."""

    id: UUID
    at: datetime
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: UUID
    reason: str
    ip: str | None
    user_agent: str
    request_id: str
    facts: dict[str, Any]
    journal: UUID | None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which acts to read; None: any. `since` is included, `until` is not."""

    action: str | None = None
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    actor_ids: Sequence[UUID] | None = None
    """Of several: acts of any of them."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one act of a batch was about."""

    id: UUID
    facts: dict[str, Any] = field(default_factory=dict)
    journal: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that wants to be answered once: its scope (user, path, key) and a keyed digest of its input."""

    user_id: UUID
    scope: UUID
    body: bytes

    @classmethod
    def of(cls, *, user_id: UUID, path: str, key: str, body: bytes, secret: bytes) -> Claim:
        """`body` is the canonical input, without PINs. The digest is keyed, so that it cannot be guessed back."""
        if not _PRINTABLE.fullmatch(key):
            raise InvalidIdempotencyKey
        scope = hashlib.sha256(b"\x1f".join((user_id.bytes, path.encode(), key.encode()))).digest()
        return cls(user_id=user_id, scope=UUID(bytes=scope[:16]), body=hmac.digest(secret, body, "sha256"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: an HTTP status, the text of the JSON as sent or of the facts it is shaped from, and the permissions that
    were asked for on the way."""

    status: int
    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Who is counted, and what is allowed: `per_minute` evenly, `burst` at once. `cost` is taken by this request."""

    name: str
    per_minute: int
    burst: int
    cost: int = 1
