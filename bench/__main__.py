"""`bin/bench [SECTION ...] [--tiny]`: measure, print one table, and, when everything was measured once, write RESULTS.md."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
import traceback
from datetime import datetime
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
django.setup()

from bench import databases  # noqa: E402 - Django must be set up first
from bench.machine import Machine, load, pace  # noqa: E402
from bench.results import Line, Measured, Report  # noqa: E402
from bench.sections import SECTIONS  # noqa: E402
from bench.settings import DATA_DIR  # noqa: E402
from bench.sizes import DEFAULT, TINY, Size  # noqa: E402
from clustr.kit import embedded  # noqa: E402

RESULTS = Path(__file__).with_name("RESULTS.md")
KEPT = DATA_DIR / "results"


def main() -> int:
    """Exit status: 0 if every bar is met, 1 if one is not, 2 if a section failed."""
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("section", nargs="*", help="one or more of: " + ", ".join(SECTIONS))
    parser.add_argument("--tiny", action="store_true", help="at a size that only shows that everything runs")
    options = parser.parse_args()
    unknown = set(options.section) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    chosen = [name for name in SECTIONS if not options.section or name in options.section]
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    with (DATA_DIR / "bench.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once would measure each other
        try:
            return _measure(chosen, TINY if options.tiny else DEFAULT)
        finally:
            databases.use("postgres")
            embedded.leave()


def _measure(chosen: list[str], size: Size) -> int:
    databases.prepared()
    with databases.administrator() as server:
        machine = Machine.of(server)
    report = Report(" ".join(["bin/bench", *sys.argv[1:]]), machine, _machine_time())
    failed = False
    for name in chosen:
        before, speed, began = load(), pace(), time.monotonic()
        print(f"{name}: measuring (load {before:.1f}) ...", file=sys.stderr, flush=True)
        try:
            lines = SECTIONS[name](size)
        except Exception as error:  # noqa: BLE001 - the other sections are measured all the same
            traceback.print_exc()
            lines, failed = [Line("failed", f"{type(error).__name__}: {error}"[:200], "no error", False)], True
        report.sections.append(Measured(name, lines, time.monotonic() - began, before, _machine_time(), speed))
        if size is DEFAULT and not failed:
            report.sections[-1].keep(KEPT)
    print(report.as_text())
    of_all = [measured for name in SECTIONS if (measured := Measured.kept(name, KEPT)) is not None]
    if len(of_all) == len(SECTIONS) and size is DEFAULT:
        Report("bin/bench", machine, _machine_time(), of_all).write(RESULTS)
        print(f"\nWritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}.")
    return 2 if failed else 1 if report.missed and size is DEFAULT else 0


def _machine_time() -> str:
    return datetime.now().astimezone().isoformat(timespec="minutes")  # noqa: TID251 - a report of the machine's own time


if __name__ == "__main__":
    sys.exit(main())
