"""Locking a transaction in the house's order: whatever its money is for comes first."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.bills import commands as bills
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.refusals import TransactionNotFound
from clustr.payments.states import Purpose
from clustr.recurring import commands as recurring


def lock_with_subject(*, transaction_id: UUID, now: datetime) -> Transaction:
    """Lock a transaction of the current cluster, and before it the part of the bill, or the standing order with its bills,
    that it pays. Refuses `TransactionNotFound`."""
    peeked = Transaction.objects.filter(id=transaction_id).first()
    if peeked is None:
        raise TransactionNotFound
    if peeked.purpose == Purpose.BILL:
        bills.lock_for_settlement(transaction=peeked)
    elif peeked.purpose == Purpose.RECURRING_PAYMENT:
        recurring.lock_for_settlement(transaction=peeked, now=now)
    return payments.lock_transaction(transaction_id=transaction_id)
