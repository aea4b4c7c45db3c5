"""What members are told of their standing orders: each happening, as facts, to the one who ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.kit.money import Money
from clustr.notifications.commands import Notice, notify, notify_each
from clustr.notifications.types import Audience, NotificationEvents
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import Happening, OrderState, RunFailure, RunState

EVENTS = {
    Happening.SET_UP: NotificationEvents.RECURRING_PAYMENT_SET_UP,
    Happening.REMINDER: NotificationEvents.RECURRING_PAYMENT_REMINDER,
    Happening.PROCESSED: NotificationEvents.RECURRING_PAYMENT_PROCESSED,
    Happening.FAILED: NotificationEvents.RECURRING_PAYMENT_FAILED,
    Happening.PAUSED: NotificationEvents.RECURRING_PAYMENT_PAUSED,
    Happening.RESUMED: NotificationEvents.RECURRING_PAYMENT_RESUMED,
    Happening.CANCELLED: NotificationEvents.RECURRING_PAYMENT_CANCELLED,
}

_OPTIONS = {
    RunFailure.INSUFFICIENT_FUNDS: ["Add money to your wallet", "Pay by hand", "Pause the recurring payment"],
    RunFailure.ACCOUNT_FROZEN: ["Unfreeze your wallet", "Pause the recurring payment"],
    RunFailure.NONE: [],
}


def tell_of_order(*, order: RecurringPayment, happening: Happening, now: datetime) -> None:
    """Tell the order's member what happened to it; part of an act's transaction."""
    notify(
        event=EVENTS[happening],
        cluster_id=order.cluster_id,
        audience=Audience.one(order.user_id),
        subject_id=order.id,
        facts=_facts(order),
        now=now,
    )


def tell_of_runs(
    *, runs: Sequence[Run], orders: Mapping[UUID, RecurringPayment], asking: set[UUID], now: datetime
) -> int:
    """Tell each run's member of its last attempt, once. `asking`: the orders a bill of whose type waits for an
    acknowledgment. Part of the transaction that notes that they were told; answers how many notices were made."""
    by_happening: dict[Happening, list[Notice]] = {}
    for run in runs:
        order = orders[run.order_id]
        happening, more = _attempt(order, run, order.id in asking)
        if happening is not None:
            notice = Notice(Audience.one(order.user_id), order.id, _facts(order) | more, f"{run.id}:{run.attempts}")
            by_happening.setdefault(happening, []).append(notice)
    return sum(
        notify_each(event=EVENTS[happening], cluster_id=runs[0].cluster_id, notices=notices, now=now)
        for happening, notices in by_happening.items()
    )


def tell_ahead(*, reminders: Sequence[tuple[RecurringPayment, int, bool]], now: datetime) -> int:
    """Remind of orders of one cluster that run soon: each with what the wallet lacks in minor units, and whether a bill
    waits for an acknowledgment. Once for each period; answers how many notices were made."""
    notices = [
        Notice(
            Audience.one(order.user_id),
            order.id,
            _facts(order) | {"shortfall_minor": short or None, "to_acknowledge": to_acknowledge or None},
            f"{order.id}:{order.next_period}",
        )
        for order, short, to_acknowledge in reminders
    ]
    if not notices:
        return 0
    return notify_each(
        event=EVENTS[Happening.REMINDER], cluster_id=reminders[0][0].cluster_id, notices=notices, now=now
    )


def _attempt(order: RecurringPayment, run: Run, asks: bool) -> tuple[Happening | None, dict[str, Any]]:
    match RunState(run.state):
        case RunState.COMPLETED:
            return Happening.PROCESSED, {"amount_minor": run.amount_minor}
        case RunState.NOTHING_DUE:
            return (Happening.REMINDER, {"to_acknowledge": True}) if asks else (None, {})
        case RunState.RETRYING:
            retry = order.next_run_at.isoformat() if order.next_run_at else None
            return Happening.FAILED, {
                "failure": f"{_why(order, run)}.",
                "retry_at": retry,
                "next_run_date": None,
                "options": _OPTIONS[RunFailure(run.failure)],
            }
        case RunState.FAILED:
            return Happening.PAUSED, {"reason": f"it failed {run.attempts} times; {_why(order, run)}."}
        case RunState.STOPPED:
            return None, {}


def _why(order: RecurringPayment, run: Run) -> str:
    match RunFailure(run.failure):
        case RunFailure.ACCOUNT_FROZEN:
            return "your wallet is frozen"
        case RunFailure.INSUFFICIENT_FUNDS:
            return f"your wallet lacks {Money(run.short_minor, order.currency).for_people()}"
        case RunFailure.NONE:
            return "it did not go through"


def _facts(order: RecurringPayment) -> dict[str, Any]:
    running = order.state == OrderState.ACTIVE and order.next_run_at is not None
    return {
        "what": order.title,
        "amount_minor": order.max_minor or order.amount_minor,
        "currency": order.currency,
        "frequency": order.frequency,
        "next_run_date": order.next_run_at.isoformat() if running and order.next_run_at else None,
        "reason": order.reason or None,
    }
