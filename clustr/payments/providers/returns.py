"""The nouns of the port for money that goes back to payers: refunds, which we ask for, and disputes, which they raise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clustr.kit.money import Money
from clustr.payments.providers.nouns import Mode, Outcome, refuse_bad_reference, refuse_nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give back `amount` of the charge `charge_id` (the provider's id). A provider may do the same request twice."""

    reference: str
    charge_id: str
    amount: Money

    def __post_init__(self) -> None:
        refuse_bad_reference(self.reference)
        refuse_nothing(self.amount)

    @property
    def note(self) -> str:
        """What the provider is asked to note with it, so that it can be found again by our reference."""
        return f"ClustR {self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTruth:
    """What the provider says now about one refund. `note`: what was noted with it; "" where that is not told. `of_dispute`:
    whether it is told to be how a lost dispute was paid."""

    outcome: Outcome
    provider_id: str
    charge_id: str
    amount: Money
    note: str
    needs_person: bool
    of_dispute: bool
    record: Mapping[str, Any] = field(repr=False)


class DisputeState(StrEnum):
    """A payer's complaint to their bank: not decided, decided for us, decided against us, so that money was taken, or given up
    without a decision."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeTruth:
    """What the provider says now about one dispute. `amount`: what is disputed, or was taken."""

    state: DisputeState
    provider_id: str
    charge_id: str
    reference: str
    amount: Money
    mode: Mode
    record: Mapping[str, Any] = field(repr=False)
