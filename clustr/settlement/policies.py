"""Pure rules of settlement: does what a provider says fit what was asked, and how is what arrived divided."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.kit.money import Money
from clustr.payments.providers.nouns import ChargeTruth, Mode

_ROUNDED = 1
"""By how many minor units a fee may differ from what was charged for it: providers' fees are finer than the currency."""


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

    What was charged on top of the amount is a fee that the provider had the payer bear where it is that fee, to the minor
    unit to which fees are told. Anything else on top was paid too much: whether such a fee is in it cannot be told, so it
    counts, and so does the fee.
    """
    nothing = Money(0, truth.amount.currency)
    fee = truth.fee if truth.fee and truth.fee.currency == truth.amount.currency else nothing
    on_top = truth.charged - truth.amount if truth.charged.currency == truth.amount.currency else nothing
    if on_top <= nothing:
        return truth.amount, fee
    if abs(on_top.minor - fee.minor) > _ROUNDED:
        return truth.charged, fee
    return truth.amount, fee - on_top if on_top < fee else nothing


def divide(*, arrived: Money, fee: Money, asked: Money, surcharge_minor: int, may_complete: bool) -> Division:
    """Divide what arrived. What was asked is completed whole or not at all; what is less, more, or comes again is surplus:
    its payer's own.

    A payer who was asked to bear the provider's fee (`surcharge_minor`) bears what it took of the surplus too, as far as the
    surplus goes: it does not fall on the estate because they paid something else than was asked.
    """
    nothing, surcharge = Money(0, arrived.currency), Money(surcharge_minor, arrived.currency)
    completes, borne = (asked, surcharge) if may_complete and asked + surcharge <= arrived else (nothing, nothing)
    surplus = arrived - completes - borne
    if surcharge_minor and borne < fee:
        kept = 0 if completes.minor else 1  # money that arrived is booked, though the fee had eaten all of it
        more = Money(max(0, min(fee.minor - borne.minor, surplus.minor - kept)), arrived.currency)
        borne, surplus = borne + more, surplus - more
    return Division(completes, borne, surplus)
