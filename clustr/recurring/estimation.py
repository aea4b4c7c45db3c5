"""What a member will probably need next, and when: from what they bought before. Pure.

The amount is the median of the last purchases, the date the last purchase and the median of the days between them: one
outlier (a month away, one large top-up) moves neither. `tests/recurring/test_estimation.py` shows the error beside that of
guessing the last value again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low

FEWEST = 3
"""With fewer purchases nothing is said."""
LAST = 9
"""How many of the last purchases count: habits change."""


@dataclass(frozen=True, slots=True)
class Bought:
    """One purchase: when, and for how much in minor units."""

    at: datetime
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What will probably be needed next: an amount in minor units, which was one of the last; how far the last ones usually
    lie from it; and when. `based_on` so many purchases."""

    amount_minor: int
    spread_minor: int
    at: datetime
    based_on: int


@dataclass(frozen=True, slots=True)
class TooLittle:
    """Too few purchases to say anything: so many are needed, so many there are."""

    found: int
    needed: int = FEWEST


def estimate_next(*, history: Sequence[Bought]) -> Estimate | TooLittle:
    """The next amount and date, from purchases in any order."""
    last = sorted(history, key=lambda bought: bought.at)[-LAST:]
    if len(last) < FEWEST:
        return TooLittle(len(last))
    amount = median_low(bought.amount_minor for bought in last)
    return Estimate(
        amount_minor=amount,
        spread_minor=median_low(abs(bought.amount_minor - amount) for bought in last),
        at=last[-1].at + _spacing(last),
        based_on=len(last),
    )


def _spacing(last: Sequence[Bought]) -> timedelta:
    return median_low(after.at - before.at for before, after in itertools.pairwise(last))
