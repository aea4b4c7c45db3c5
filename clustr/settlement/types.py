"""What settlement speaks of: a request that asks a provider, and the checkout that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionType


@dataclass(frozen=True, slots=True)
class RequestKey:
    """Which request it is that asks: the same scope again is the same request. `digest` tells its input apart."""

    scope: UUID
    digest: bytes


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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A payment that is recorded and about to be asked for. `checkout_url` is there where that was done before."""

    transaction: Transaction
    checkout_url: str
    surcharge_minor: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment that was started: its transaction, and where the payer pays."""

    transaction: Transaction
    payment_url: str
