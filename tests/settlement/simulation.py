"""Many simulated lives of payments, each with a seed of its own; what was wrong with which.

    python -m tests.settlement.simulation --seeds 10000 --from 1

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
    parser = argparse.ArgumentParser(prog="python -m tests.settlement.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--steps", type=int, default=30)
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.databases import cloned_database
    from tests.settlement.life import live

    logging.disable(logging.CRITICAL)
    began, done, failed = time.monotonic(), Counter[str](), 0
    with cloned_database():
        for lived, seed in enumerate(range(wanted.first, wanted.first + wanted.seeds), start=1):
            ended = live(seed, steps=wanted.steps)
            done.update(ended.done)
            failed += bool(ended.wrong)
            for wrong in ended.wrong:
                _say(f"seed {seed}: {wrong}")
            if lived % 50 == 0:
                _say(f"{lived} lives, {failed} wrong, {time.monotonic() - began:.0f} s; go on with --from {seed + 1}")
    _say(f"{wanted.seeds} lives of {wanted.steps} steps, {failed} wrong, {time.monotonic() - began:.0f} s")
    _say(", ".join(f"{act} {count}" for act, count in done.most_common()))
    return int(failed > 0)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
