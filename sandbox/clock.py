"""The one reader of the clock here; it follows ClustR's movable demonstration clock by the file both know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]

OFFSET_FILE = "clock-offset"


class FollowedClock:
    """The machine's time plus the whole seconds written in `clock-offset` of ClustR's data folder."""

    def __init__(self, *, data_dir: Path | None) -> None:
        self._file = data_dir / OFFSET_FILE if data_dir else None
        self._seen: tuple[int, timedelta] = (0, timedelta())
        self._moved = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._offset() + self._moved

    def move(self, *, by: timedelta) -> None:
        """Move this sandbox alone; `bin/manage move_clock` moves everybody."""
        self._moved += by

    def _offset(self) -> timedelta:
        if self._file is None:
            return timedelta()
        try:
            changed_at = self._file.stat().st_mtime_ns
            if self._seen[0] != changed_at:
                self._seen = (changed_at, timedelta(seconds=int(self._file.read_text() or "0")))
        except FileNotFoundError:
            return timedelta()
        return self._seen[1]


class VirtualClock:
    """Stands still until it is moved: for simulations and tests."""

    def __init__(self, *, at: datetime) -> None:
        self._at = at

    def __call__(self) -> datetime:
        return self._at

    def move(self, *, by: timedelta) -> None:
        self._at += by


def wire_time(instant: datetime) -> str:
    """As both providers write an instant: 2026-01-31T09:15:02.000Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
