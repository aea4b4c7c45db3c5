"""Pure rules of balances: does what a provider says it holds follow from what the books say it owes the estates?

What a provider holds is less than the books say by what it has taken and not settled into the balance yet, and by what it was
asked to send and has sent before the books know. How much is not settled is not told as a number, so it is looked for: a
provider settles in the order in which it took, so it is what was taken last, from some payment on. Of what it was asked to send
it says that it has gone, or has not; only what it is not sure of itself may be either. A difference that is one of these sums,
to the minor unit, is explained. What is not, but lies within them all, may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

_FAR_BELOW = 100
"""A sum that fits is believed where, of so many whole units of the currency, the sums that were tried would meet one at most."""
_MOST_SUMS = 10_000
"""So many ways of having gone are looked through; beyond them only nothing and the whole are."""
_TWICE = timedelta(hours=12)
"""Two comparisons closer to each other than this see the same night, and are one."""


@dataclass(frozen=True, slots=True)
class Going:
    """Something that a provider was asked to send, in minor units, with the provider's fee. `gone`: as the provider says; None
    where it does not say. `fee_told`: otherwise a fee may have gone beside it."""

    minor: int
    gone: bool | None = None
    fee_told: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a balance follows from the books, in minor units. `exact`: by `unsettled` and `going` to the minor unit; otherwise these
    are the most that there may be. `difference`: what lies outside all of it; below zero less is held."""

    unsettled: int
    going: int
    difference: int
    exact: bool


def explain(
    *, owed: int, held: int, taken: Sequence[int], pending: int, going: Sequence[Going], whole: int
) -> Explanation:
    """Explain what is `held` where the books say `owed`.

    `taken`: what was taken of late, less fees, the latest first. `pending`: what the provider itself lists as not settled yet.
    `going`: what it was asked to send and has not been heard of since. `whole`: minor units in a whole unit of the currency.

    First what surely went is taken off; if nothing is missing then, that is all. Else a sum is looked for: first with nothing or
    everything of what may have gone, then with each of it by itself. The more sums are tried, the likelier one fits by chance, so
    a search is believed only where its sums are far fewer than the whole units they spread over: of losses of that size, in whole
    units, fewer than one in a hundred is then taken for something under way. Where every amount is round, more meet: with six
    that may have gone and all in steps of five thousand, a tenth. So a case needs two such nights to end.
    """
    gone = sum(one.minor for one in going if one.gone)
    unsure = [one.minor for one in going if one.gone is None]
    missing = owed - held - gone
    if missing == 0:
        return Explanation(0, gone, 0, exact=True)
    most_unsettled = max(pending, sum(max(0, net) for net in taken))
    waits = dict.fromkeys((0, pending, *accumulate(taken)))
    most_ways = min(_MOST_SUMS, (most_unsettled + sum(unsure)) // (_FAR_BELOW * whole * len(waits)))
    for ways in ({0, sum(unsure)}, _sums(unsure, at_most=most_ways)):
        if len(ways) <= most_ways:
            for unsettled in waits:
                if missing - unsettled in ways:
                    return Explanation(unsettled, gone + missing - unsettled, 0, exact=True)
    most_going = sum(unsure) + sum(one.minor for one in going if not one.fee_told)
    beyond = missing - most_unsettled - most_going
    difference = -missing if missing < 0 else -beyond if beyond > 0 else 0
    return Explanation(most_unsettled, gone + most_going, difference, exact=False)


def _sums(unsure: Iterable[int], *, at_most: int) -> set[int]:
    """What may have gone in all, each by itself or not; where there are more than `at_most` ways, more than that many of them."""
    sums = {0}
    for amount in unsure:
        sums |= {known + amount for known in sums}
        if len(sums) > at_most:
            break
    return sums


def agreed_at(runs: Iterable[tuple[datetime, bool]]) -> datetime | None:
    """When it was last sure that a balance was explained, of comparisons as (when, whether exactly), the oldest first. Once
    something was not explained, that takes two nights in a row that are: one may be by chance."""
    agreed: datetime | None = None
    first: datetime | None = None
    differed = False
    for at, exact in runs:
        if not exact:
            differed, first = True, None
            continue
        first = first or at
        if not differed or at - first >= _TWICE:
            agreed, differed = at, False
    return agreed
