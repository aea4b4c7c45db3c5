"""Many simulated lives of payments, each with a seed of its own, and what was wrong with which; then how soon money is there.

    python -m tests.settlement.simulation --seeds 10000 --from 1 --processes 4 --payments 1000

It says how far it came; go on with `--from`. A seed that fails is named, and repeats alone with
`--from SEED --seeds 1 --payments 0`.
"""

from __future__ import annotations

import sys

from tests.lives import arguments, live_many, prepare, say


def main() -> int:
    parser = arguments("tests.settlement.simulation", described=__doc__, steps=30)
    parser.add_argument("--payments", type=int, default=1000, help="how many for each bar of promptness")
    wanted = parser.parse_args()
    prepare()
    from tests.databases import cloned_database

    wrong = live_many("tests.settlement.life", wanted)
    if not wanted.payments:
        return int(wrong > 0)
    with cloned_database():
        late = _pay(wanted.payments, wanted.first)
    return int(wrong + late > 0)


def _pay(payments: int, seed: int) -> int:
    """So many payments for each bar of promptness; answers how many bars are not met."""
    from tests.settlement.promptness import BARS

    missed = 0
    for name, bar in BARS.items():
        lags = bar.measure(payments=payments, seed=seed)
        missed += not bar.met(lags)
        say(f"{name}: {lags}; {bar}: {'met' if bar.met(lags) else 'NOT MET'}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
