"""Anchors: signed notes of how far a cluster's chain has come, kept outside the database, one JSON object a line.

A tail that was deleted, or a chain that was written anew, no longer leads to what an anchor says. Each line also carries
the digest of the line before, so that none can be taken out of the middle.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

FILE = "anchors.jsonl"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The chain of this cluster had `events` events in `seq` blocks at `at`, and `head` was the last one's digest."""

    cluster_id: UUID
    seq: int
    events: int
    head: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file: what it says, or what is wrong with it."""

    number: int
    anchor: Anchor | None
    wrong: str = ""
    bytes: int = 0


def folder() -> Path:
    """Where anchors are written: AUDIT_ANCHOR_DIR, or `anchors` in the data folder."""
    return Path(settings.ENV.AUDIT_ANCHOR_DIR or settings.DATA_DIR / "anchors")


def append(anchors: Sequence[Anchor]) -> None:
    """Sign and write them, and answer once they are on the disk."""
    where = folder()
    where.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(where / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        whole = text.rfind(b"\n") + 1  # what a crash left half written was never relied on
        file.truncate(whole)
        before = _last_line(text[:whole])
        lines = []
        for anchor in anchors:
            before = _line(anchor, before)
            lines.append(before + b"\n")
        file.write(b"".join(lines))
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(where)


def set_aside(*, until: datetime) -> Path | None:
    """For a copy restored to an instant: move the lines made after it into a file beside, which is kept; answers which."""
    where = folder()
    if not (where / FILE).exists():
        return None
    with (where / FILE).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = 0
        for line in read(where / FILE):
            if line.anchor is not None and line.anchor.at > until:
                break
            kept += line.bytes
        later = _read_from(file, kept)
        if not later:
            return None
        aside = where / f"anchors-after-{until:%Y%m%dT%H%M%S%f}-{hashlib.sha256(later).hexdigest()[:8]}.jsonl"
        with aside.open("wb") as copy:
            copy.write(later)
            copy.flush()
            os.fsync(copy.fileno())
        _sync_folder(where)
        file.truncate(kept)
        os.fsync(file.fileno())
    return aside


def read(file: Path) -> Iterator[Line]:
    """Every whole line of an anchor file, each checked: its form, its key, its signature, and the line before it."""
    before = b""
    text = file.read_bytes() if file.exists() else b""
    for number, line in enumerate(text[: text.rfind(b"\n") + 1].splitlines(), 1):
        yield replace(_checked(number, line, before), bytes=len(line) + 1)
        before = line


def _line(anchor: Anchor, before: bytes) -> bytes:
    key_id, seed = next(iter(settings.ENV.anchor_keys.items()))
    said = {
        "cluster": str(anchor.cluster_id),
        "seq": anchor.seq,
        "events": anchor.events,
        "head": anchor.head.hex(),
        "at": anchor.at.isoformat(),
        "before": _digest(before),
        "key": key_id,
    }
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_canonical(said))
    return _canonical({**said, "signature": signature.hex()})


def _checked(number: int, line: bytes, before: bytes) -> Line:
    try:
        said = json.loads(line)
        signature = bytes.fromhex(said.pop("signature"))
        seed = settings.ENV.anchor_keys.get(said["key"])
        if seed is None:
            return Line(number, None, f"signed with a key that is not known here: {said['key']!r}")
        Ed25519PrivateKey.from_private_bytes(seed).public_key().verify(signature, _canonical(said))
        anchor = Anchor(
            cluster_id=UUID(said["cluster"]),
            seq=int(said["seq"]),
            events=int(said["events"]),
            head=bytes.fromhex(said["head"]),
            at=datetime.fromisoformat(said["at"]),
        )
    except InvalidSignature:
        return Line(number, None, "the signature is not ours")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Line(number, None, "this is no anchor")
    if said["before"] != _digest(before):
        return Line(number, anchor, "lines before this one were changed or taken out")
    return Line(number, anchor)


def _read_from(file: BinaryIO, position: int) -> bytes:
    file.seek(position)
    return file.read()


def _last_line(text: bytes) -> bytes:
    lines = text.splitlines()
    return lines[-1] if lines else b""


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest() if line else ""


def _canonical(said: dict[str, object]) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _sync_folder(where: Path) -> None:
    descriptor = os.open(where, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
