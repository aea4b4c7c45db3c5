"""The trail verified: every event against its block, every block against the one before, every anchor against its block.

Everything is computed here, in Python: a function of the database could have been changed together with its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain as joined
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connections

from clustr.audit import anchors
from clustr.audit.anchors import Anchor
from clustr.audit.chain import BEGINNING, StoredBlock, StoredEvent, block_digest, event_digest

_AT_ONCE = 2_000
_BLOCKS = """
SELECT cluster_id, seq, first_xid, horizon, events, total, previous, digest, closed_at
FROM audit_block WHERE cluster_id = %s ORDER BY seq
"""
_EVENTS = """
SELECT cluster_id, id, xid, at, actor_id, action, subject_kind, subject_id, reason, host(ip),
       user_agent, request_id, changes::text, journal
FROM audit_event WHERE cluster_id = %s ORDER BY xid, id
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where: in a block of a cluster, or in a line of the anchors."""

    says: str
    cluster_id: UUID | None = None
    seq: int | None = None


@dataclass(slots=True)
class Report:
    """What was verified, and everything that was found wrong."""

    clusters: int = 0
    blocks: int = 0
    events: int = 0
    unclosed: int = 0
    anchors: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which anchors are verified: of one cluster (None: of all), made until an instant (None: whenever)."""

    cluster_id: UUID | None
    until: datetime | None

    def concerns(self, cluster_id: UUID, at: datetime) -> bool:
        return self.cluster_id in (None, cluster_id) and (self.until is None or at <= self.until)


def verify(*, cluster_id: UUID | None = None, file: Path | None = None, until: datetime | None = None) -> Report:
    """Verify the chains of all clusters or of one, in one snapshot, and the anchors in `file` (the present ones).

    `until`: anchors made later are left aside; for a copy that was restored to that instant.
    """
    report = Report()
    connection = connections["checker"]
    file = file or anchors.folder() / anchors.FILE
    with connection.cursor() as cursor:
        lines = list(anchors.read(file))  # before the snapshot: their blocks are in it
        cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            cursor.execute("SELECT set_config('clustr.cluster', '', true)")
            named: dict[UUID, dict[int, StoredBlock | None]] = {}
            for line in lines:
                if line.anchor:
                    named.setdefault(line.anchor.cluster_id, {})[line.anchor.seq] = None
            for one in [cluster_id] if cluster_id else _clusters(cursor):
                _verify_cluster(cursor, one, report, named.get(one, {}))
            chosen = _Chosen(cluster_id, until)
            _verify_anchors(lines, named, report, chosen)
            _verify_written(cursor, file, report, chosen)
        finally:
            cursor.execute("ROLLBACK")
    return report


def _clusters(cursor: Any) -> list[UUID]:
    cursor.execute("SELECT cluster_id FROM audit_event UNION SELECT cluster_id FROM audit_block ORDER BY 1")
    return [cluster_id for (cluster_id,) in cursor.fetchall()]


def _verify_cluster(cursor: Any, cluster_id: UUID, report: Report, named: dict[int, StoredBlock | None]) -> None:
    """Verify one chain, and note the blocks that anchors name in `named`."""
    report.clusters += 1
    events = (StoredEvent(*row) for row in _rows(_EVENTS, cluster_id))
    waiting = next(events, None)
    last: StoredBlock | None = None
    for block in map(_block, _rows(_BLOCKS, cluster_id)):
        held: list[StoredEvent] = []
        while waiting is not None and waiting.xid < block.horizon:
            held.append(waiting)
            waiting = next(events, None)
        for says in _wrong_with(block, last, held):
            report.findings.append(Finding(says, cluster_id, block.seq))
        report.blocks += 1
        report.events += len(held)
        if block.seq in named:
            named[block.seq] = block
        last = block
    cursor.execute("SELECT coalesce((SELECT horizon FROM audit_horizon), '0')::text::bigint")
    (complete,) = cursor.fetchone()
    forgotten = 0
    for event in joined([waiting] if waiting else [], events):
        report.unclosed += 1
        forgotten += event.xid < complete
    if forgotten:
        report.findings.append(Finding(f"{forgotten} events older than the horizon are in no block", cluster_id))


def _block(row: tuple[Any, ...]) -> StoredBlock:
    cluster_id, seq, first_xid, horizon, events, total, previous, digest, closed_at = row
    return StoredBlock(cluster_id, seq, first_xid, horizon, events, total, bytes(previous), bytes(digest), closed_at)


def _wrong_with(block: StoredBlock, last: StoredBlock | None, held: list[StoredEvent]) -> Iterator[str]:
    if block.seq != (last.seq if last else 0) + 1:
        yield "the block before it is missing"
    if block.previous != (last.digest if last else BEGINNING):
        yield "it does not stand on the digest of the block before"
    if block.total != (last.total if last else 0) + block.events:
        yield "its total is not that of the block before and its own events"
    if last and block.horizon <= last.horizon:
        yield "it reaches no further than the block before"
    if len(held) != block.events:
        yield f"it was closed over {block.events} events, and there are {len(held)}"
    elif held and held[0].xid != block.first_xid:
        yield "its first event is another"
    if block_digest(block, map(event_digest, held)) != block.digest:
        yield "its digest is not that of its events"


def _rows(query: str, cluster_id: UUID) -> Iterator[tuple[Any, ...]]:
    """The rows of a cluster, a part at a time: there may be more than memory holds."""
    raw = connections["checker"].connection
    with raw.cursor(name=f"trail_{hash(query) & 0xFFFF:x}_{cluster_id.hex}") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(query, [cluster_id])
        yield from cursor


def _verify_anchors(
    lines: list[anchors.Line], named: dict[UUID, dict[int, StoredBlock | None]], report: Report, chosen: _Chosen
) -> None:
    for line in lines:
        anchor = line.anchor
        if anchor is not None and not chosen.concerns(anchor.cluster_id, anchor.at):
            continue
        if line.wrong:
            report.findings.append(Finding(f"anchor in line {line.number}: {line.wrong}"))
        if anchor is not None:
            report.anchors += 1
            says = _contradiction(anchor, named[anchor.cluster_id][anchor.seq])
            if says:
                report.findings.append(Finding(says, anchor.cluster_id, anchor.seq))


def _verify_written(cursor: Any, file: Path, report: Report, chosen: _Chosen) -> None:
    """Each anchor that the snapshot notes is in the file, which is read anew: a line comes before its note."""
    written = {(line.anchor.cluster_id, line.anchor.seq) for line in anchors.read(file) if line.anchor}
    cursor.execute("SELECT cluster_id, seq, at FROM audit_anchor ORDER BY 1, 2")
    for cluster_id, seq, at in cursor.fetchall():
        if chosen.concerns(cluster_id, at) and (cluster_id, seq) not in written:
            says = f"an anchor was written for it at {at:%Y-%m-%d %H:%M:%S} and is gone"
            report.findings.append(Finding(says, cluster_id, seq))


def _contradiction(anchor: Anchor, block: StoredBlock | None) -> str:
    when = f"{anchor.at:%Y-%m-%d %H:%M:%S}"
    if block is None:
        return f"an anchor of {when} names this block, and it is gone: the tail was deleted"
    if (block.digest, block.total) != (anchor.head, anchor.events):
        return f"it is not the block an anchor of {when} names: the chain was written anew"
    return ""
