"""What wallets speak of: balances, operations, destinations, revenue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.kit.money import Money
from clustr.payments.states import Purpose, TransactionType


class OfflineMethod(StrEnum):
    """How money was received by hand."""

    CASH = "cash"
    BANK_TRANSFER = "bank_transfer"
    POS = "pos"


def is_correction(*, type: str, provider: str) -> bool:
    """Whether a transaction takes back, out of a member's wallet, what was recorded there by hand by mistake."""
    return type == TransactionType.REFUND and provider in set(OfflineMethod)


def is_deposit_by_hand(*, type: str, provider: str) -> bool:
    """Whether a transaction is money for a wallet that was recorded by hand: what went back of it was taken back."""
    return type == TransactionType.DEPOSIT and provider in set(OfflineMethod)


FEES_KEPT = "Fees of payment providers"
"""What a transfer is called that takes from the cluster's wallet what providers kept."""


def is_providers_fee(*, purpose: str, description: str) -> bool:
    """Whether a transfer is for what providers kept: of this purpose there are also those by which the cluster's wallet bears
    what was charged back, and gets back what was won. Nobody but we describes transfers of this purpose."""
    return purpose == Purpose.FEES and description == FEES_KEPT


BORNE = "chargeback:"
"""How the number begins of what somebody bore of a chargeback."""


def is_borne_chargeback(*, purpose: str, provider_reference: str) -> bool:
    """Whether a refund is what somebody bore of a chargeback: its money was taken by the chargeback itself."""
    return purpose == Purpose.REFUND and provider_reference.startswith(BORNE)


class OperationKind(StrEnum):
    """What an operation of the cluster's wallet was."""

    BILL_PAYMENT = "bill_payment"
    CONTRIBUTION = "contribution"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"
    FEE = "fee"
    REFUND = "refund"


class Approval(StrEnum):
    """Whether a payout needs a second person, and what they said."""

    NOT_NEEDED = "not_needed"
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


STOPPABLE = (Approval.WAITING, Approval.NOT_NEEDED, Approval.APPROVED)
"""A transfer that was not sent yet can be stopped in these."""


@dataclass(frozen=True, slots=True)
class BankDetailsView:
    """The estate's own bank account. Money for it waits until `sendable_from`."""

    destination: Destination
    sendable_from: datetime
    kept_by: UUID
    kept_at: datetime


class NameCheck(StrEnum):
    """Whether the name that somebody typed for a bank account is that of its holder."""

    SAME = "same"
    DIFFERS = "differs"
    UNNAMED = "unnamed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Destination:
    """A bank account that money is sent to. `account_name`: as it was typed; `holder`: as its bank says, "" where it was not
    asked or did not answer."""

    bank_code: str
    account_number: str
    account_name: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class WalletView:
    """A member's wallet as they see it. `available` is what can be spent now: nothing of a frozen wallet."""

    balance: Money
    available: Money
    is_frozen: bool
    has_pin: bool


@dataclass(frozen=True, slots=True)
class SpendAuthorization:
    """Whether the right PIN came with a spend. Made by `authorize_spend` only; the spend asks again whether one is set."""

    user_id: UUID
    cluster_id: UUID
    pin_checked: bool


@dataclass(frozen=True, slots=True)
class CheckedPin:
    """A new PIN that may be set: its hash, and what gave the right. `instead_of`: when the PIN it replaces was set; None for
    a first one. `reset_id`: the mailed code it was reset with."""

    user_id: UUID
    hash: str
    pepper_id: str
    instead_of: datetime | None = None
    reset_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OperationView:
    """One line of the cluster wallet's trail. `incoming`: whether it raised the balance. `transaction_id`: the
    movement of money it is part of. `position` is its place in the statement, for the next page."""

    id: UUID
    transaction_id: UUID
    kind: OperationKind
    incoming: bool
    amount: Money
    status: str
    actor_id: UUID | None
    reason: str
    reference: str
    metadata: dict[str, Any]
    created_at: datetime
    position: tuple[int, UUID]


@dataclass(frozen=True, slots=True)
class OperationsFound:
    """What a search of the cluster wallet's trail is for: movements of these people, the one of this id, and what the office
    did whose reason or source holds this text."""

    text: str
    user_ids: Sequence[UUID]
    id: UUID | None


@dataclass(frozen=True, slots=True)
class Collections:
    """What bills brought in net of refunds, in the cluster's own months, each of the last twelve, and days; days without any
    are left out."""

    by_month: dict[date, Money]
    by_day: dict[date, Money]


@dataclass(frozen=True, slots=True)
class Revenue:
    """What bills, net of refunds, and contributions brought in, in the cluster's own days and months. `by_type`: by the bill's
    type, and `contribution`."""

    today: Money
    this_month: Money
    this_year: Money
    by_type: dict[str, Money]
    by_month: dict[date, Money]
