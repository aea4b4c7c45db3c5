"""Pure rules of balances: does what a provider says it holds follow from what the books say it owes the estates?

What a provider holds is less than the books say by what it has taken and not settled into the balance yet, and by what it was
asked to send and has not said to have sent. Neither is told as a number, so it is looked for: a provider settles in the order
in which it took, so what is not settled is what was taken last, from some payment on; and each thing that was sent has gone, or
not. A difference that is one of these sums, to the minor unit, is explained. What is not, but lies within them all, may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

_MOST_SUMS = 10_000
"""So many ways of having gone are looked through; beyond them only the whole is."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a balance follows from the books, in minor units. `exact`: by `unsettled` and `going` to the minor unit; otherwise these
    are the most that there may be. `difference`: what lies outside all of it; below zero less is held."""

    unsettled: int
    going: int
    difference: int
    exact: bool


def explain(*, owed: int, held: int, taken: Sequence[int], pending: int, going: Sequence[int]) -> Explanation:
    """Explain what is `held` where the books say `owed`.

    `taken`: what was taken of late, less fees, the latest first. `pending`: what the provider itself lists as not settled yet.
    `going`: what it was asked to send and has not said to have sent.
    """
    missing = owed - held
    ways = _sums(going)
    for unsettled in (0, pending, *accumulate(taken)):
        if missing - unsettled in ways:
            return Explanation(unsettled, missing - unsettled, 0, exact=True)
    most_unsettled = max(pending, sum(max(0, net) for net in taken))
    most_going = sum(going)
    beyond = missing - most_unsettled - most_going
    difference = -missing if missing < 0 else -beyond if beyond > 0 else 0
    return Explanation(most_unsettled, most_going, difference, exact=False)


def _sums(going: Iterable[int]) -> set[int]:
    """What may have gone in all, each by itself or not; where there are too many ways, nothing or all of it."""
    sums = {0}
    whole = 0
    for amount in going:
        whole += amount
        if len(sums) <= _MOST_SUMS:
            sums |= {known + amount for known in sums}
    return sums if len(sums) <= _MOST_SUMS else {0, whole}
