"""`bin/seed-bugs`: plant every seed, or those named; a table of what found each; not zero if one survived.

With `--races`: those that a race over HTTP must find by itself, and nothing but these races."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.seeds.everything import SEEDS
from tests.seeds.planting import Field, Grown, grow_all
from tests.seeds.seed import Seed

ROOT = Path(__file__).resolve().parents[2]
_FIELDS = 2


def main() -> int:
    chosen, races = _chosen()
    width = max(len(seed.name) for seed in chosen)
    place = Path(tempfile.mkdtemp(prefix="seeds-"))
    place.chmod(0o755)  # PostgreSQL may run under an account of its own
    try:
        with ExitStack() as prepared:
            fields = [Field(ROOT, place / str(number)) for number in range(min(_FIELDS, len(chosen)))]
            for field in fields:
                prepared.enter_context(field.prepared())
            grown = grow_all(chosen, fields=fields, races=races, tell=lambda one: _tell(one, width))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return _sum_up(grown)


def _chosen() -> tuple[list[Seed], bool]:
    """The seeds, those of the unchanged schema first, which share one template database; and whether to race only."""
    parser = argparse.ArgumentParser(prog="bin/seed-bugs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="seeds to plant; all, when absent")
    parser.add_argument("--races", action="store_true", help="run only their races over HTTP")
    asked = parser.parse_args()
    names = asked.names
    if unknown := set(names) - {seed.name for seed in SEEDS}:
        parser.error(f"no such seed: {', '.join(sorted(unknown))}")
    wanted = [seed for seed in SEEDS if (not names or seed.name in names) and (seed.races or not asked.races)]
    return sorted(wanted, key=lambda seed: seed.changes_schema), asked.races


def _tell(grown: Grown, width: int) -> None:
    seed, ended = grown.seed, grown.ended
    _say(f"{seed.name:{width}}  {seed.file}  {ended.how:8}  {ended.where or '-'}  {grown.seconds} s")
    if ended.how != "caught":
        _say(f"    {seed.says}\n{_last_lines(grown.said)}")


def _sum_up(grown: Sequence[Grown]) -> int:
    counts = {how: sum(one.ended.how == how for one in grown) for how in ("caught", "survived", "broken")}
    _say(f"{len(grown)} seeds: " + ", ".join(f"{count} {how}" for how, count in counts.items()))
    return int(counts["caught"] != len(grown))


def _last_lines(said: str) -> str:
    return "\n".join(f"    | {line}" for line in said.splitlines()[-8:])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
