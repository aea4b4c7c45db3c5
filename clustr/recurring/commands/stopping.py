"""Ending a standing order, or halting it, whoever does: part of an act's transaction."""

from __future__ import annotations

from datetime import datetime

from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import OrderState, RunState, StoppedBy


def stop_order(*, order: RecurringPayment, state: OrderState, by: StoppedBy, reason: str, now: datetime) -> None:
    """Pause or cancel a locked order; the period that was being retried ends with it, while one whose card is being charged
    ends with that. Part of an act's transaction."""
    runs = Run.objects.filter(cluster_id=order.cluster_id, order_id=order.id)
    last = runs.order_by("-period").values_list("started_at", flat=True).first()
    now = max(now, last) if last else now  # whoever waited for a run comes after it, also on paper
    retried = runs.filter(period=order.next_period, state=RunState.RETRYING)
    order.next_period += retried.update(state=RunState.STOPPED.value, ended_at=now)
    order.state, order.next_run_at, order.failed_attempts = state.value, None, 0
    order.stopped_at, order.stopped_by, order.reason = now, by.value, reason
    order.save()
