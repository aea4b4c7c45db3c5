"""What queries answer about transactions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.kit.money import Money
from clustr.payments.states import TransactionStatus, TransactionType


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One movement of money as people see it. `bill_id`: the bill that was paid, or of which a payment
    was refunded. `failure`: why it failed,
    with `type`, `message`, `retryable` and `recovery_options`."""

    id: UUID
    reference: str
    type: TransactionType
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
