"""Coverage of lines and branches by SlipCover: each test process writes what it passed, `python -m tests.measuring` adds it up.

`bin/test` names a folder in `MEASURED_IN` when it runs everything; without it nothing is measured. Processes that tests start are
not: their code is passed by tests of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import slipcover

ROOT = Path(__file__).resolve().parent.parent
OF_ALL = 90
OF_MONEY = 95
"""Percent of lines and branches together; of each room of money alone."""
MONEY = ("ledger", "payments", "wallets", "bills", "utilities", "recurring", "subscriptions", "settlement")
_NEVER = -1
"""How often a line is passed until SlipCover takes its mark out again. It does so by looking through every module in the thread
that passes the line, and fails there if another thread imports something at that moment."""


class Measurement:
    """Marks whatever of ClustR is imported from here on."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / f"{os.getpid()}.json"
        omitted = ["*/migrations/*"]
        self._marks = slipcover.Slipcover(
            branch=True,
            d_miss_threshold=_NEVER,
            source=[str(ROOT / "clustr")],
            omit=omitted,
            exclude_also=["if TYPE_CHECKING:", "assert_never"],
        )
        slipcover.ImportManager(self._marks, slipcover.FileMatcher([ROOT / "clustr"], omitted)).__enter__()

    def write(self) -> None:
        self._out.write_text(json.dumps(self._marks.get_coverage()))


def begin() -> Measurement | None:
    """In a test process of a run that is measured."""
    folder = os.environ.pop("MEASURED_IN", "") if "PYTEST_XDIST_WORKER" in os.environ else ""
    return Measurement(Path(folder)) if folder else None


def main(folder: Path) -> int:
    """Exit status 1 where a bar is missed."""
    first, *others = [json.loads(written.read_text()) for written in sorted(folder.glob("*.json"))]
    for other in others:
        slipcover.merge_coverage(first, other)
    slipcover.print_coverage(first, skip_covered=True, missing_width=60)
    shares = {room: _share(first, f"clustr/{room}/") for room in MONEY}
    print(
        "\nOf lines and branches in rooms of money: " + ", ".join(f"{room} {of:.1f} %" for room, of in shares.items())
    )
    total, branches = _share(first, "clustr/"), _share(first, "clustr/", ("branches",))
    print(f"Of all lines and branches: {total:.2f} %. Of all branches: {branches:.2f} %.")
    missed = [room for room, of in shares.items() if of < OF_MONEY]
    if min(total, branches) < OF_ALL or missed:
        print(f"Wanted: {OF_ALL} % of all, {OF_MONEY} % of each room of money.")
        return 1
    return 0


def _share(coverage: dict[str, Any], of: str, kinds: tuple[str, ...] = ("lines", "branches")) -> float:
    files = [file for name, file in coverage["files"].items() if name.startswith(of)]
    passed, missed = (
        sum(len(file[f"{how}_{kind}"]) for file in files for kind in kinds) for how in ("executed", "missing")
    )
    return 100 * passed / (passed + missed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
