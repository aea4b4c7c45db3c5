"""What members are told of their standing orders: each happening, as facts, to the one who ordered."""

from __future__ import annotations

from datetime import datetime

import structlog

from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import Happening, RunState

log = structlog.get_logger(__name__)


def tell_of_order(*, order: RecurringPayment, happening: Happening, now: datetime) -> None:
    """Tell the order's member what happened to it; part of an act's transaction."""
    log.info("recurring_payment", happening=happening.value, recurring_payment_id=str(order.id), at=now.isoformat())


def tell_of_run(*, order: RecurringPayment, run: Run, now: datetime) -> None:
    """Tell the order's member how an attempt went; part of the transaction that notes that they were told."""
    happening = Happening.PROCESSED if run.state == RunState.COMPLETED else Happening.FAILED
    log.info("recurring_payment", happening=happening.value, recurring_payment_id=str(order.id), at=now.isoformat())
