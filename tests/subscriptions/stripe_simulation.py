"""Many simulated lives of plans by card, each with a seed of its own, and what was wrong with which.

    python -m tests.subscriptions.stripe_simulation --seeds 10000 --from 1

It says how far it came; go on with `--from`. A seed that fails is named, and repeats alone with `--from SEED --seeds 1`.
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
    parser = argparse.ArgumentParser(prog="python -m tests.subscriptions.stripe_simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--steps", type=int, default=25)
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.databases import cloned_database
    from tests.subscriptions.stripe_life import live

    logging.disable(logging.CRITICAL)
    began, done, failed = time.monotonic(), Counter[str](), 0
    last = wanted.first + wanted.seeds
    for start in range(wanted.first, last, IN_ONE_DATABASE):
        end = min(start + IN_ONE_DATABASE, last)
        with cloned_database():
            for seed in range(start, end):
                ended = live(seed, steps=wanted.steps)
                done.update(ended.done)
                failed += bool(ended.wrong)
                for wrong in ended.wrong:
                    _say(f"seed {seed}: {wrong}")
        spent = time.monotonic() - began
        _say(f"{end - wanted.first} lives, {failed} wrong, {spent:.0f} s; go on with --from {end}")
    _say(", ".join(f"{act} {count}" for act, count in done.most_common()))
    return int(failed > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
