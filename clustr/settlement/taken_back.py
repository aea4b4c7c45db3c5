"""Pure rules of what payers' banks, and people at a provider's dashboard, take back of a charge that was booked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome
from clustr.payments.providers.returns import DisputeState, DisputeTruth, RefundTruth


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider tells of one charge: how it stands, who disputed it, and what was given back of it."""

    charge_id: str
    charge: ChargeTruth | NotFoundYet
    disputes: tuple[DisputeTruth, ...]
    refunds: tuple[RefundTruth, ...]

    @property
    def undecided(self) -> bool:
        """Whether a bank may still take the money, or a refund is still under way: until then "reversed" may only say that somebody
        complained, or asked for a part."""
        return any(dispute.state is DisputeState.OPEN for dispute in self.disputes) or any(
            refund.outcome in (Outcome.PENDING, Outcome.UNKNOWN) for refund in self.refunds
        )

    @property
    def reversed(self) -> bool:
        return isinstance(self.charge, ChargeTruth) and self.charge.outcome is Outcome.REVERSED

    @property
    def counts(self) -> bool:
        return isinstance(self.charge, ChargeTruth) and self.charge.outcome is Outcome.SUCCEEDED

    @property
    def won(self) -> bool:
        return any(dispute.state is DisputeState.WON for dispute in self.disputes)

    @property
    def summary(self) -> dict[str, Any]:
        """What was told, in a form that can be kept and compared."""
        return {
            "charge": self.charge.outcome.value if isinstance(self.charge, ChargeTruth) else "not_found",
            "disputes": {one.provider_id: [one.state.value, one.amount.for_people()] for one in self.disputes},
            "refunds": {one.provider_id: [one.outcome.value, one.amount.for_people()] for one in self.refunds},
        }

    @property
    def reversed_in_part(self) -> bool:
        """Whether it is called reversed, and no bank took it: then refunds of a part may be why."""
        lost = any(dispute.state is DisputeState.LOST for dispute in self.disputes)
        return self.reversed and not self.undecided and not lost

    def in_currency(self, currency: str) -> Told:
        """The same without what is told in another currency than the charge had: that is for a person."""
        disputes = tuple(dispute for dispute in self.disputes if dispute.amount.currency == currency)
        refunds = tuple(refund for refund in self.refunds if refund.amount.currency == currency)
        return replace(self, disputes=disputes, refunds=refunds)


_CHARGE, _REFUND = "charge:", "refund:"


def of_charge(charge_id: str) -> str:
    """The name of what is taken of a charge that is called reversed, by whoever it was."""
    return f"{_CHARGE}{charge_id}"


def what_was_taken(
    *, told: Told, given_back: int, most: int, booked: Mapping[str, int], settled: bool
) -> dict[str, int]:
    """What was taken back of a charge, in minor units, by the name of what took it: the number of a dispute, of a refund
    that is none of ours, or of the charge itself.

    `given_back`: what we gave back of it, or are giving back; `most`: what can have been taken beside that; `booked`: what
    was booked as taken so far and has not come back. What a provider tells nothing of stays as it was booked: a list that
    is short proves nothing. A charge that is reversed is taken whole only where nothing explains why it is called so, and
    nothing is undecided; nor while `settled` is False, because a provider may say "reversed" for a while after it
    decided for us. What was taken so comes back where it counts again and nothing is undecided, or a dispute was won.
    """
    taken = dict(booked)
    for dispute in told.disputes:
        if dispute.state is DisputeState.LOST:
            taken[dispute.provider_id] = dispute.amount.minor
        elif dispute.state in (DisputeState.WON, DisputeState.DROPPED):
            taken[dispute.provider_id] = 0
    whole = of_charge(told.charge_id)
    paid_disputes = Counter(minor for name, minor in taken.items() if minor and _is_dispute(name))
    for refund in told.refunds:
        name = _of_refund(refund.provider_id)
        pays_one = paid_disputes[refund.amount.minor] > 0
        if refund.outcome is Outcome.SUCCEEDED and (refund.of_dispute or pays_one):
            taken[name] = 0  # it is how a lost dispute was paid: a provider may list one for it, and need not say so
            paid_disputes[refund.amount.minor] -= pays_one
        elif refund.outcome is Outcome.SUCCEEDED:
            taken[name] = refund.amount.minor
        elif refund.outcome in (Outcome.FAILED, Outcome.REVERSED):
            taken[name] = 0
    explained = given_back > 0 or any(minor for name, minor in taken.items() if name != whole)
    if told.counts and (told.won or (settled and not told.undecided)):
        taken[whole] = 0
    elif told.reversed and settled and not told.undecided and not explained:
        taken[whole] = most
    return {name: minor for name, minor in taken.items() if minor or booked.get(name)}


def _of_refund(number: str) -> str:
    return f"{_REFUND}{number}"


def _is_dispute(name: str) -> bool:
    """Whether a name of what was taken is the number of a dispute."""
    return not name.startswith((_REFUND, _CHARGE))
