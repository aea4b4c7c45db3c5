"""What the trail's chain consists of, in Python: the second definition beside the SQL that closes blocks. No database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

BEGINNING = bytes(32)
"""What stands before the first block."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it lies in the table. `changes` is the JSON as PostgreSQL writes it; `ip` bare, without a mask."""

    cluster_id: UUID
    id: UUID
    xid: int
    at: datetime
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: UUID
    reason: str
    ip: str | None
    user_agent: str
    request_id: str
    changes: str
    journal: UUID | None


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block as it lies in the table."""

    cluster_id: UUID
    seq: int
    first_xid: int
    horizon: int
    events: int
    total: int
    previous: bytes
    digest: bytes
    closed_at: datetime


def event_digest(event: StoredEvent) -> bytes:
    """Sha-256 over the canonical bytes: each part behind its length; free text and addresses as their own digests."""
    parts = (
        event.cluster_id.bytes,
        event.id.bytes,
        _number(event.xid),
        _number(_microseconds(event.at)),
        _id(event.actor_id),
        event.action.encode(),
        event.subject_kind.encode(),
        event.subject_id.bytes,
        _hashed(event.reason),
        _hashed(event.ip),
        _hashed(event.user_agent),
        _hashed(event.request_id),
        _hashed(event.changes),
        _id(event.journal),
    )
    return hashlib.sha256(b"".join(map(_part, parts))).digest()


def block_digest(block: StoredBlock, digests: Iterable[bytes]) -> bytes:
    """Sha-256 over the block before, this block's own figures, and its events in the order of (xid, id)."""
    header = (
        block.seq,
        block.first_xid,
        block.horizon,
        block.events,
        block.total,
        _microseconds(block.closed_at),
    )
    found = hashlib.sha256(block.previous + block.cluster_id.bytes + b"".join(map(_number, header)))
    for digest in digests:
        found.update(digest)
    return found.digest()


def _part(part: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if part is None else len(part).to_bytes(4, "big") + part


def _number(number: int) -> bytes:
    return number.to_bytes(8, "big", signed=True)


def _id(id: UUID | None) -> bytes | None:
    return None if id is None else id.bytes


def _hashed(text: str | None) -> bytes | None:
    return None if text is None else hashlib.sha256(text.encode()).digest()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
