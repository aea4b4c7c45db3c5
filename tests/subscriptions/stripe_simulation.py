"""Many simulated lives of plans by card, each with a seed of its own, and what was wrong with which.

    python -m tests.subscriptions.stripe_simulation --seeds 10000 --from 1 --processes 4

It says how far it came; go on with `--from`. A seed that fails is named, and repeats alone with `--from SEED --seeds 1`.
"""

from __future__ import annotations

import sys

from tests.lives import arguments, live_many, prepare


def main() -> int:
    wanted = arguments("tests.subscriptions.stripe_simulation", described=__doc__, steps=30).parse_args()
    prepare()
    return int(live_many("tests.subscriptions.stripe_life", wanted) > 0)


if __name__ == "__main__":
    sys.exit(main())
