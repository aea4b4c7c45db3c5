"""What people are told when money came, failed to come, or came back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.providers.declines import RECOVERY_TEXTS, failure_of
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.payments.types import PaymentErrorType, RecoveryOption
from clustr.recurring import commands as recurring
from clustr.recurring.automation_queries import tells_of_charge
from clustr.recurring.policies import failure_of_charge
from clustr.recurring.types import RunFailure

DECLINED = {RunFailure.CARD_DECLINED, RunFailure.CARD_NOT_COVERED, RunFailure.CARD_EXPIRED}
"""What an automation tells of by itself: its card was declined."""


def fail_and_tell(*, transaction: Transaction, type: PaymentErrorType, now: datetime) -> None:
    """End a locked transaction as failed, and tell its payer why and what they can do. Part of a settlement. Whose recurring
    payment it was hears of that instead, and whose automation's card the bank declined."""
    failure = failure_of(type=type, into_wallet=transaction.type == TransactionType.DEPOSIT)
    if payments.step_transaction(transaction=transaction, status=TransactionStatus.FAILED, failure=failure, now=now):
        if transaction.purpose == Purpose.RECURRING_PAYMENT:
            recurring.fail_card_charge(transaction=transaction, failure=type, now=now)
            return
        if failure_of_charge(type=type) in DECLINED and tells_of_charge(transaction_id=transaction.id):
            return
        tell(
            NotificationEvents.PAYMENT_FAILED,
            transaction,
            now,
            failure=failure["message"],
            options=[RECOVERY_TEXTS[RecoveryOption(option)] for option in failure["recovery_options"]],
        )


def end_recurring_charge(*, transaction: Transaction, failure: RunFailure, now: datetime) -> None:
    """No money will come of a locked transaction as it was asked for: where it is a recurring payment's, its run has failed.
    Part of a settlement."""
    if transaction.purpose == Purpose.RECURRING_PAYMENT:
        recurring.fail_card_charge(transaction=transaction, failure=failure, now=now)


def tell(event: NotificationEvents, transaction: Transaction, now: datetime, **more: Any) -> None:
    """Tell whoever a transaction belongs to; nobody, where it is the estate's own."""
    if transaction.user_id is None:
        return
    notify(
        event=event,
        cluster_id=transaction.cluster_id,
        audience=Audience.one(transaction.user_id),
        subject_id=transaction.id,
        facts={
            "what": transaction.description,
            "amount_minor": transaction.amount_minor,
            "currency": transaction.currency,
            "reference": transaction.reference,
            "method": transaction.provider,
            **more,
        },
        now=now,
    )
