"""Many simulated lives of payments, each with a seed of its own, and what was wrong with which; then how soon money is there.

    python -m tests.settlement.simulation --seeds 10000 --from 1 --payments 1000

A seed that fails is named, and repeats alone with `--from SEED --seeds 1 --payments 0`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter

import django

IN_ONE_DATABASE = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.settlement.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--payments", type=int, default=1000, help="how many for each bar of promptness")
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.databases import cloned_database

    logging.disable(logging.CRITICAL)
    wrong = _live(wanted.first, wanted.seeds, wanted.steps) if wanted.seeds else 0
    with cloned_database():
        late = _pay(wanted.payments, wanted.first) if wanted.payments else 0
    return int(wrong + late > 0)


def _live(first: int, seeds: int, steps: int) -> int:
    """So many lives, a few dozen in a database of their own each; answers how many went wrong."""
    from tests.databases import cloned_database
    from tests.settlement.life import live

    began, done, failed = time.monotonic(), Counter[str](), 0
    for start in range(first, first + seeds, IN_ONE_DATABASE):
        end = min(start + IN_ONE_DATABASE, first + seeds)
        with cloned_database():
            for seed in range(start, end):
                ended = live(seed, steps=steps)
                done.update(ended.done)
                failed += bool(ended.wrong)
                for wrong in ended.wrong:
                    _say(f"seed {seed}: {wrong}")
        _say(f"{end - first} lives, {failed} wrong, {time.monotonic() - began:.0f} s; go on with --from {end}")
    _say(f"{seeds} lives of {steps} steps, {failed} wrong, {time.monotonic() - began:.0f} s")
    _say(", ".join(f"{act} {count}" for act, count in done.most_common()))
    return failed


def _pay(payments: int, seed: int) -> int:
    """So many payments for each bar of promptness; answers how many bars are not met."""
    from tests.settlement.promptness import BARS

    missed = 0
    for name, bar in BARS.items():
        lags = bar.measure(payments=payments, seed=seed)
        missed += not bar.met(lags)
        _say(f"{name}: {lags}; {bar}: {'met' if bar.met(lags) else 'NOT MET'}")
    return missed


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
