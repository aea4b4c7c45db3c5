"""Many simulated lives of utilities, each with a seed of its own; what was wrong with which. And how much is delivered when
every tenth call meets a transient fault.

    python -m tests.utilities.simulation --seeds 10000 --from 1 --processes 4
    python -m tests.utilities.simulation --rates 2000

It says how far it came; go on with `--from`. A seed that fails is named, and repeats alone with `--from SEED --seeds 1`.
"""

from __future__ import annotations

import os
import sys
import time

from tests.lives import arguments, live_many, prepare, say


def main() -> int:
    parser = arguments("tests.utilities.simulation", described=__doc__, steps=30)
    parser.add_argument("--rates", type=int, default=0, metavar="PURCHASES")
    wanted = parser.parse_args()
    os.environ.setdefault("UTILITY_PURCHASES_PER_MINUTE", "1000000")
    os.environ.setdefault("UTILITY_VALIDATIONS_PER_MINUTE", "1000000")
    prepare()
    if not wanted.rates:
        return int(live_many("tests.utilities.life", wanted) > 0)
    from tests.databases import cloned_database
    from tests.utilities.life import rates

    began = time.monotonic()
    with cloned_database():
        counted = rates(purchases=wanted.rates, seed=wanted.first)
    say(f"{counted} in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
