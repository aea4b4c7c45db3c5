"""What settlement speaks of: a request that asks a provider, and the checkout that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionType
from clustr.wallets.types import SpendAuthorization


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Which request it is that asks: the same scope again is the same request. `digest` tells its input apart."""

    scope: UUID
    digest: bytes
    of_failed: bool = False
    """Whether a failed payment stands behind it, and not a request: then a new try begins when the one before has ended."""


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A saved card that is to be charged, and whether the right PIN came with it."""

    method_id: UUID
    authorization: SpendAuthorization | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A payment to be started with a provider."""

    type: TransactionType
    purpose: Purpose
    amount: Money
    provider: str
    description: str
    callback_url: str
    subject_id: UUID | None = None
    terms_version: int | None = None
    save_card: bool = False
    """Whether the card that pays on the page is to be kept."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A payment that is recorded and about to be asked for. `checkout_url` is there where that was done before; `by_card`:
    a saved card is charged."""

    transaction: Transaction
    checkout_url: str
    surcharge_minor: int
    by_card: bool = False

    @property
    def surcharge(self) -> Money:
        """What the payer pays on top."""
        return Money(self.surcharge_minor, self.transaction.currency)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment that was started: its transaction, where the payer pays ("" where the card was charged without them), and
    what they pay on top."""

    transaction: Transaction
    payment_url: str
    surcharge: Money
