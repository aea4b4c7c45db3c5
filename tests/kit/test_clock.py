"""The one clock, and how a demonstration moves it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clustr.kit import clock


@pytest.fixture
def offset_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "clock-offset"
    kept = clock._offset_file
    clock.use_offset_file(path)
    yield path
    clock.use_offset_file(kept)


def test_it_works() -> None:
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.now().tzinfo is UTC


def test_moving_adds_up_and_is_seen(offset_file: Path) -> None:
    clock.move(timedelta(days=30))
    clock.move(timedelta(hours=-1))
    assert clock.now() - datetime.now(UTC) > timedelta(days=29, hours=22)
    assert offset_file.read_text() == str(30 * 86400 - 3600)


def test_a_move_is_seen_whole_or_not_at_all(offset_file: Path) -> None:
    """Whoever reads a file that is being written takes it for no offset, and keeps to that while its time is the same."""
    offset_file.write_text("60")
    before = offset_file.stat().st_ino
    with offset_file.open() as reader:
        clock.move(timedelta(days=30))
        assert reader.read() == "60"
    assert offset_file.stat().st_ino != before


def test_a_move_by_another_process_is_seen(offset_file: Path) -> None:
    offset_file.write_text("86400")
    assert clock.now() - datetime.now(UTC) > timedelta(hours=23)


def test_the_machines_instants_are_shown_by_this_clock(offset_file: Path) -> None:
    instant = datetime.now(UTC)
    assert clock.shown(instant) == instant
    clock.move(timedelta(days=30))
    assert clock.shown(instant) == instant + timedelta(days=30)
    assert clock.real(clock.shown(instant)) == instant


def test_production_has_no_clock_to_move(offset_file: Path) -> None:
    clock.use_offset_file(None)
    with pytest.raises(RuntimeError):
        clock.move(timedelta(days=1))
