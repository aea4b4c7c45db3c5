"""Many simulated lives of utilities, each with a seed of its own; what was wrong with which. And how much is delivered when
every tenth call meets a transient fault.

    python -m tests.utilities.simulation --seeds 10000 --from 1
    python -m tests.utilities.simulation --rates 2000

A seed that fails is named, and repeats alone with `--from SEED --seeds 1`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.utilities.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rates", type=int, default=0, metavar="PURCHASES")
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ.setdefault("UTILITY_PURCHASES_PER_MINUTE", "1000000")
    os.environ.setdefault("UTILITY_VALIDATIONS_PER_MINUTE", "1000000")
    django.setup()
    from tests.databases import cloned_database
    from tests.utilities.life import live, rates

    logging.disable(logging.CRITICAL)
    began, done, failed = time.monotonic(), Counter[str](), 0
    with cloned_database():
        if wanted.rates:
            counted = rates(purchases=wanted.rates, seed=wanted.first)
            _say(f"{counted} in {time.monotonic() - began:.0f} s")
            return 0
        for lived, seed in enumerate(range(wanted.first, wanted.first + wanted.seeds), start=1):
            ended = live(seed, steps=wanted.steps)
            done.update(ended.done)
            failed += bool(ended.wrong)
            for wrong in ended.wrong:
                _say(f"seed {seed}: {wrong}")
            if lived % 100 == 0:
                _say(f"{lived} lives, {failed} wrong, {time.monotonic() - began:.0f} s")
    _say(f"{wanted.seeds} lives of {wanted.steps} steps, {failed} wrong, {time.monotonic() - began:.0f} s")
    _say(", ".join(f"{act} {count}" for act, count in done.most_common()))
    return int(failed > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
