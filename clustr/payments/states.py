"""The states of a Transaction and the steps between them. The database refuses every other step."""

from __future__ import annotations

from enum import StrEnum


class TransactionType(StrEnum):
    """What a transaction is, in the words clients read."""

    DEPOSIT = "deposit"
    BILL_PAYMENT = "bill_payment"
    WITHDRAWAL = "withdrawal"
    UTILITY_PAYMENT = "utility_payment"
    RECURRING_PAYMENT = "recurring_payment"
    REFUND = "refund"
    CREDIT = "credit"
    TRANSFER = "transfer"


class TransactionStatus(StrEnum):
    """`unknown`: the outcome was not heard yet; that is a state, never a failure."""

    PENDING = "pending"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


S = TransactionStatus
STEPS: dict[TransactionStatus, frozenset[TransactionStatus]] = {
    S.PENDING: frozenset({S.PROCESSING, S.UNKNOWN, S.COMPLETED, S.FAILED, S.CANCELLED}),
    S.PROCESSING: frozenset({S.UNKNOWN, S.COMPLETED, S.FAILED, S.CANCELLED}),
    S.UNKNOWN: frozenset({S.PROCESSING, S.COMPLETED, S.FAILED, S.CANCELLED}),
    S.FAILED: frozenset({S.COMPLETED}),
    S.CANCELLED: frozenset({S.COMPLETED}),
    S.COMPLETED: frozenset({S.REFUNDED}),
    S.REFUNDED: frozenset(),
}
"""From each state, the states that may follow. A late success settles even after `failed` or `cancelled`."""


class Purpose(StrEnum):
    """What a transaction is for; its `subject_id` is an id of the room that owns that purpose."""

    WALLET = "wallet"
    BILL = "bill"
    PAYOUT = "payout"
    CLUSTER_WALLET = "cluster_wallet"
    REFUND = "refund"
