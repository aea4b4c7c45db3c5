"""What queries answer about transactions, and the kinds of failure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.kit.money import Money
from clustr.payments.states import CaseKind, Purpose, TransactionStatus, TransactionType


class PaymentErrorType(StrEnum):
    """Why a payment failed, in the words clients read."""

    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    INVALID_CARD = "INVALID_CARD"
    EXPIRED_CARD = "EXPIRED_CARD"
    DECLINED_CARD = "DECLINED_CARD"
    NETWORK_ERROR = "NETWORK_ERROR"
    PROVIDER_ERROR = "PROVIDER_ERROR"
    TIMEOUT_ERROR = "TIMEOUT_ERROR"
    AUTHENTICATION_ERROR = "AUTHENTICATION_ERROR"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    FRAUD_SUSPECTED = "FRAUD_SUSPECTED"
    NAME_NEEDED = "NAME_NEEDED"
    INVALID_CUSTOMER = "INVALID_CUSTOMER"
    METER_NOT_FOUND = "METER_NOT_FOUND"
    VENDOR_UNAVAILABLE = "VENDOR_UNAVAILABLE"
    VENDOR_PENDING = "VENDOR_PENDING"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    TOKEN_DELAYED = "TOKEN_DELAYED"  # noqa: S105 - a word, not a secret
    UNKNOWN = "UNKNOWN"


class RecoveryOption(StrEnum):
    """What a payer can do about a failed payment."""

    RETRY = "retry"
    ANOTHER_CARD = "another_card"
    OTHER_PROVIDER = "other_provider"
    WALLET = "wallet"
    CONTACT_BANK = "contact_bank"
    CONTACT_OFFICE = "contact_office"
    BUY_AGAIN = "buy_again"
    CHECK_NUMBER = "check_number"
    CHANGE_AMOUNT = "change_amount"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One movement of money as people see it. `purpose`: what its room calls it. `bill_id`: the bill that was paid, or of which
    a payment was refunded. `refunded_type`: of a refund, what was given back. `failure`: why it failed, with `type`, `message`,
    `retryable` and `recovery_options`."""

    id: UUID
    reference: str
    type: TransactionType
    purpose: Purpose
    status: TransactionStatus
    amount: Money
    refunded: Money
    provider: str
    provider_reference: str
    user_id: UUID | None
    bill_id: UUID | None
    description: str
    failure: dict[str, Any] | None
    created_at: datetime
    completed_at: datetime | None
    refunded_type: TransactionType | None = None


@dataclass(frozen=True, slots=True)
class SavedMethodView:
    """A saved card as its owner recognises it."""

    id: UUID
    provider: str
    brand: str
    last_four: str
    expires_month: int
    expires_year: int


@dataclass(frozen=True, slots=True)
class CaseView:
    """Something a person has to look at, as the office sees it."""

    id: UUID
    kind: CaseKind
    transaction_id: UUID | None
    facts: dict[str, Any]
    opened_at: datetime
    owner_id: UUID | None
    closed_at: datetime | None
    note: str
