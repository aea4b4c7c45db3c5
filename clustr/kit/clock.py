"""The only reader of the clock. Everything below the door receives `now` as an argument.

A demonstration may move its clock (`bin/manage move_clock +30d`): the offset stands in a file of the data folder, so
that web, worker and sandbox agree. Production never reads that file.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset_file: Path | None = None
_seen: tuple[int, timedelta] = (0, timedelta())


def use_offset_file(path: Path | None) -> None:
    """Follow the offset, in seconds, written in this file; None pins the clock to the real time."""
    global _offset_file, _seen
    _offset_file = path
    _seen = (0, timedelta())


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC) + _offset()


def real(instant: datetime) -> datetime:
    """The machine's instant for one of this clock: when the queue, which knows the machine's time only, must wake."""
    return instant - _offset()


def shown(instant: datetime) -> datetime:
    """This clock's instant for one of the machine's: for what others noted by the machine's time, such as a sign-in."""
    return instant + _offset()


def move(by: timedelta) -> datetime:
    """Move the demonstration's clock for every process that shares the data folder; answers the new present."""
    if _offset_file is None:
        raise RuntimeError("this clock cannot be moved")
    offset = _offset() + by
    # In one step: who reads a half written file would take it for no offset, and keep to that.
    written = _offset_file.with_suffix(".new")
    written.write_text(str(int(offset.total_seconds())))
    written.replace(_offset_file)
    return datetime.now(UTC) + offset


def _offset() -> timedelta:
    global _seen
    if _offset_file is None:
        return timedelta()
    try:
        changed_at = _offset_file.stat().st_mtime_ns
    except FileNotFoundError:
        return timedelta()
    if _seen[0] != changed_at:
        _seen = (changed_at, timedelta(seconds=int(_offset_file.read_text() or "0")))
    return _seen[1]
