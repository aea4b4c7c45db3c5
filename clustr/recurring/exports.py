"""What this room holds about one person, for their export; and the standing orders that end with their erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.recurring.commands.stopping import stop_order
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import OrderState, StoppedBy

FORGOTTEN = "Recurring payment"


def recurring_payments_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: this person's standing orders and how each period went. Amounts in minor units."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            orders = RecurringPayment.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
            section = {"cluster_id": str(cluster_id), "recurring_payments": [_held(order) for order in orders]}
        held.append(section)
    return held


def forget_recurring_payments(user_id: UUID, now: datetime) -> None:
    """Cancel this person's standing orders, and forget what they called them."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            mine = RecurringPayment.objects.select_for_update(no_key=True).filter(
                cluster_id=cluster_id, user_id=user_id
            )
            for order in mine.order_by("id"):
                order.title, order.description, order.reason = FORGOTTEN, "", ""
                if order.state in (OrderState.ACTIVE, OrderState.PAUSED):
                    stop_order(order=order, state=OrderState.CANCELLED, by=StoppedBy.DEPARTURE, reason="", now=now)
                order.save(update_fields=["title", "description", "reason"])


def _held(order: RecurringPayment) -> dict[str, Any]:
    runs = Run.objects.filter(cluster_id=order.cluster_id, order_id=order.id).order_by("period")
    return {
        "title": order.title,
        "description": order.description,
        "amount_minor": order.amount_minor,
        "max_minor": order.max_minor,
        "currency": order.currency,
        "frequency": order.frequency,
        "bill_type": order.bill_type,
        "first_at": order.schedule.due_at(0).isoformat(),
        "end_at": order.end_at.isoformat() if order.end_at else None,
        "state": order.state,
        "created_at": order.created_at.isoformat(),
        "runs": [
            {
                "period": run.period,
                "due_at": run.due_at.isoformat(),
                "state": run.state,
                "amount_minor": run.amount_minor,
                "failure": run.failure,
            }
            for run in runs
        ],
    }
