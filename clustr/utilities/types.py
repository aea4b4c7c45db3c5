"""What the utilities room speaks of: what is sold, whose number it is, what was quoted, what was bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.bills.types import BillType, MemberBillView
from clustr.kit.money import Money
from clustr.payments.states import TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.wallets.types import SpendAuthorization


class ValidationState(StrEnum):
    """Whether the utility has said whose number it is."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A utility as members find it."""

    id: UUID
    name: str
    provider_type: BillType
    number_label: str
    fixed: Money | None
    minimum: Money | None
    maximum: Money | None
    fee: Money
    gives_token: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """A saved meter, smart card or customer number: of the number, only its end."""

    id: UUID
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    label: str
    ending: str
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class ValidationView:
    """Whose number it is, as the utility says; names are there once it is confirmed."""

    id: UUID
    account_id: UUID
    provider_id: UUID
    provider_name: str
    ending: str
    state: ValidationState
    error: PaymentErrorType | None
    customer_name: str = field(repr=False)
    customer_address: str = field(repr=False)
    minimum: Money | None
    maximum: Money | None
    fee: Money
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What a purchase would cost, until it expires. `terms_digest` is what buying it acknowledges."""

    id: UUID
    account_id: UUID
    provider_id: UUID
    provider_name: str
    ending: str
    customer_name: str = field(repr=False)
    amount: Money
    fee: Money
    total: Money
    terms_digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a member wants to buy: for a number they have saved, or for one they name with its provider. `quote_id`: as it
    was quoted, and not otherwise."""

    amount: Money
    account_id: UUID | None = None
    provider_id: UUID | None = None
    customer_id: str | None = field(default=None, repr=False)
    quote_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Screened:
    """A purchase that nothing spoke against a moment ago: the quote it goes by, and the PIN that was checked."""

    quote_id: UUID
    authorization: SpendAuthorization | None


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """A purchase as its buyer sees it. `label`: what they call its number, while they keep it. `token` is there once it is
    delivered. `waits_for`: why it is not decided yet."""

    id: UUID
    reference: str
    status: TransactionStatus
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    label: str
    ending: str
    amount: Money
    fee: Money
    total: Money
    bill_id: UUID
    token: str = field(repr=False)
    units: str
    tariff: str
    waits_for: PaymentErrorType | None
    failure: Mapping[str, Any] | None
    is_automated: bool
    created_at: datetime
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class UtilityBillView:
    """A bill that stands for a purchase, and that purchase."""

    bill: MemberBillView
    purchase: PurchaseView


@dataclass(frozen=True, slots=True)
class ManagedPurchaseView:
    """A purchase as the office sees it: no number, no token."""

    id: UUID
    reference: str
    status: TransactionStatus
    user_id: UUID
    provider_name: str
    provider_type: BillType
    amount: Money
    fee: Money
    is_automated: bool
    failure: str | None
    created_at: datetime
    delivered_at: datetime | None

    @property
    def total(self) -> Money:
        """What the member paid: the service's fee, too."""
        return self.amount + self.fee


@dataclass(frozen=True, slots=True)
class UtilitySums:
    """How utilities do in an estate over thirty days. `recovered` of `troubled`: of the purchases of which something was not
    heard on the way, those that were delivered all the same."""

    residents: int
    buyers: int
    purchases: int
    delivered: int
    failed: int
    undecided: int
    troubled: int
    recovered: int
    volume: Money
    automated: int
    automated_volume: Money
