"""Pure rules of settlement: does what a provider says fit what was asked, and how is what arrived divided."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.kit.money import Money
from clustr.payments.providers.nouns import ChargeTruth, Mode


@dataclass(frozen=True, slots=True)
class Division:
    """How money that arrived is divided: what completes what was asked, what its payer bore of the provider's fee, and the
    rest. Together they are what arrived."""

    completes: Money
    surcharge: Money
    surplus: Money


def what_does_not_match(*, truth: ChargeTruth, reference: str, currency: str, mode: Mode) -> list[str]:
    """The names of what differs from what was asked, in a way that must not become anybody's money without a person."""
    differences = {
        "reference": truth.reference != reference,
        "currency": truth.amount.currency != currency,
        "mode": truth.mode != mode,
        "amount": truth.amount.minor <= 0,
        "provider_id": not truth.provider_id,
    }
    return [name for name, differs in differences.items() if differs]


def what_arrived(*, truth: ChargeTruth) -> tuple[Money, Money]:
    """What of a payer's money counts for us, and what the provider took of it: (arrived, fee).

    What was charged on top of the amount, up to the fee, is the fee that the payer bore. If it is more, too much was paid,
    and all of it is the payer's own: whether a fee they bore is in it cannot be told, and is not held against them.
    """
    nothing = Money(0, truth.amount.currency)
    fee = truth.fee if truth.fee and truth.fee.currency == truth.amount.currency else nothing
    on_top = truth.charged - truth.amount if truth.charged.currency == truth.amount.currency else nothing
    if on_top <= nothing:
        return truth.amount, fee
    return (truth.amount, fee - on_top) if on_top <= fee else (truth.charged, fee)


def divide(*, arrived: Money, asked: Money, surcharge_minor: int, may_complete: bool) -> Division:
    """Divide what arrived. What was asked is completed whole or not at all; what is less, more, or comes again is surplus:
    its payer's own."""
    nothing, surcharge = Money(0, arrived.currency), Money(surcharge_minor, arrived.currency)
    if may_complete and asked + surcharge <= arrived:
        return Division(asked, surcharge, arrived - asked - surcharge)
    return Division(nothing, nothing, arrived)
