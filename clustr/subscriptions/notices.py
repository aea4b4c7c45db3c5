"""What customers are told about their subscription. The only place from which they are written to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.people import commands as people
from clustr.people.refusals import PersonErased, PersonNotFound


class Told(StrEnum):
    """What there is to say besides documents; each has a template of its name."""

    PAYMENT_RECEIVED = "payment_received"
    REFUNDED = "refunded"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_OVERDUE = "payment_overdue"
    LAPSED = "lapsed"
    RECOVERED = "recovered"
    TRIAL_ENDING = "trial_ending"
    USAGE = "usage"
    CANCELED = "canceled"


def tell_customer(*, told: Told, user_id: UUID, facts: dict[str, Any], now: datetime) -> None:
    """Write to a customer, once the transaction under way has committed. Who is no longer there is not written to."""
    try:
        people.write_to(user_id=user_id, template=f"subscriptions/mail/{told}", context=facts, now=now)
    except (PersonErased, PersonNotFound):
        return
