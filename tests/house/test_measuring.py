"""The bars of coverage hold a run back: what no process passed counts, and each room of money by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from slipcover.slipcover import add_summaries

from tests.measuring import MONEY, main

ROOMS = (*MONEY, "web")
META = {"software": "slipcover", "branch_coverage": True, "show_contexts": False}


def written(folder: Path, process: str, passed: dict[str, int], branches: int = 20) -> None:
    """What one process wrote: of a hundred lines and twenty branches of each room it passed the first ones."""
    files = {}
    for room in ROOMS:
        lines = passed.get(room, 98)
        files[f"clustr/{room}/a.py"] = {
            "executed_lines": list(range(lines)),
            "missing_lines": list(range(lines, 100)),
            "executed_branches": [(1, way) for way in range(branches)],
            "missing_branches": [(1, way) for way in range(branches, 20)],
        }
    told = {"meta": META, "files": files}
    add_summaries(told)
    (folder / f"{process}.json").write_text(json.dumps(told))


def test_it_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What either of two processes passed was passed."""
    written(tmp_path, "one", dict.fromkeys(ROOMS, 10))
    written(tmp_path, "other", {})
    assert main(tmp_path) == 0
    assert "ledger 98.3 %" in capsys.readouterr().out


@pytest.mark.parametrize("room", MONEY)
def test_a_room_of_money_has_a_bar_of_its_own(tmp_path: Path, room: str) -> None:
    written(tmp_path, "one", {room: 93})
    assert main(tmp_path) == 1


def test_a_room_without_money_is_not_held_to_it(tmp_path: Path) -> None:
    written(tmp_path, "one", {"web": 80})
    assert main(tmp_path) == 0


def test_too_little_of_all(tmp_path: Path) -> None:
    written(tmp_path, "one", {"web": 5})
    assert main(tmp_path) == 1


def test_too_few_branches(tmp_path: Path) -> None:
    written(tmp_path, "one", dict.fromkeys(ROOMS, 100), branches=17)
    assert main(tmp_path) == 1
