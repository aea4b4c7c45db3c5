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


OPEN = (S.PENDING, S.PROCESSING, S.UNKNOWN)
"""The states that something can still become of."""


class Purpose(StrEnum):
    """What a transaction is for; its `subject_id` is an id of the room that owns that purpose."""

    WALLET = "wallet"
    BILL = "bill"
    PAYOUT = "payout"
    CLUSTER_WALLET = "cluster_wallet"
    REFUND = "refund"
    SURPLUS = "surplus"
    FEES = "fees"
    UTILITY = "utility"
    CHARGEBACK = "chargeback"
    RECURRING_PAYMENT = "recurring_payment"


class AttemptKind(StrEnum):
    """What is asked of a provider: money from a payer, money to a bank account, money back to where it came from, or what
    a member buys from a utility."""

    CHARGE = "charge"
    PAYOUT = "payout"
    REFUND = "refund"
    PURCHASE = "purchase"


class NoticeState(StrEnum):
    """A provider's notice waits to be acted on, was acted on, or says nothing that concerns us."""

    WAITING = "waiting"
    DONE = "done"
    IGNORED = "ignored"


class CaseKind(StrEnum):
    """Why a person has to look."""

    UNKNOWN_TOO_LONG = "unknown_too_long"
    DOES_NOT_MATCH = "does_not_match"
    OWNER_NOT_FOUND = "owner_not_found"
    PAYOUT_BOUNCED = "payout_bounced"
    CHARGEBACK = "chargeback"
    NOT_WITH_US = "not_with_us"
    NOT_AT_PROVIDER = "not_at_provider"
    FEE_DIFFERS = "fee_differs"
    AMOUNT_DIFFERS = "amount_differs"
    NOT_COVERED = "not_covered"
    VEND_REVERSED = "vend_reversed"
    REFUND_FAILED = "refund_failed"
    NEVER_ANSWERED = "never_answered"
    PAYOUT_DIFFERS = "payout_differs"
    BALANCE_DIFFERS = "balance_differs"
    PAID_TO_BANK = "paid_to_bank"
    AT_STRIPE = "at_stripe"
