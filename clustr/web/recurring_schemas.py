"""How recurring payments and their runs look in answers."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from clustr.bills.types import BillType
from clustr.recurring.types import (
    Frequency,
    OrderState,
    OrderView,
    PaymentSource,
    RunFailure,
    RunState,
    RunView,
    StoppedBy,
)
from clustr.web.schemas import AmountOut, Currency, Instant, Out


class RecurringPaymentOut(Out):
    """A standing order."""

    id: UUID
    user_id: UUID
    title: str
    description: str
    amount: AmountOut = Field(description="What a run contributes; with `bill_type`, what it pays at most.")
    max_amount: AmountOut | None = Field(description="With `bill_type`: the most a run pays, instead of `amount`.")
    currency: Currency
    frequency: Frequency
    bill_type: BillType | None
    payment_source: PaymentSource
    payment_method_id: UUID | None
    start_date: Instant = Field(description="The first run; every other one is so many whole periods later.")
    end_date: Instant | None
    status: OrderState
    stopped_at: Instant | None = Field(description="Since when it is paused, or when it was cancelled.")
    stopped_by: StoppedBy = Field(
        description="`failures`: it paused itself; `departure`: its member has left; `released`: the office paused it, and "
        "lets its member resume it."
    )
    can_resume: bool = Field(description="Whether its member may resume it; not while the office holds it paused.")
    reason: str
    next_run_at: Instant | None = Field(description="Null while it does not run, or its card is being charged.")
    failed_attempts: int = Field(description="How often the present period failed so far.")
    last_run_at: Instant | None = Field(description="When it last moved money.")
    created_at: Instant


class RunOut(Out):
    """What became of one period of a standing order."""

    id: UUID
    period: int = Field(description="Counted from 0.")
    due_at: Instant
    status: RunState
    amount: AmountOut = Field(description="What moved.")
    attempts: int
    failure: RunFailure = Field(description="Why the last attempt moved nothing; empty where it did.")
    shortfall: AmountOut = Field(description="How much the wallet lacked.")
    transaction_ids: list[UUID]
    started_at: Instant
    ended_at: Instant | None


def recurring_payment_out(view: OrderView) -> RecurringPaymentOut:
    """A standing order as its owner and the office see it."""
    return RecurringPaymentOut(
        id=view.id,
        user_id=view.user_id,
        title=view.title,
        description=view.description,
        amount=str(view.amount),
        max_amount=str(view.max_amount) if view.max_amount else None,
        currency=view.amount.currency,
        frequency=view.frequency,
        bill_type=view.bill_type,
        payment_source=view.payment_source,
        payment_method_id=view.payment_method_id,
        start_date=view.start_date,
        end_date=view.end_date,
        status=view.state,
        stopped_at=view.stopped_at,
        stopped_by=view.stopped_by,
        can_resume=view.can_resume,
        reason=view.reason,
        next_run_at=view.next_run_at,
        failed_attempts=view.failed_attempts,
        last_run_at=view.last_run_at,
        created_at=view.created_at,
    )


def run_out(view: RunView) -> RunOut:
    """A run as its owner sees it."""
    return RunOut(
        id=view.id,
        period=view.period,
        due_at=view.due_at,
        status=view.state,
        amount=str(view.amount),
        attempts=view.attempts,
        failure=view.failure,
        shortfall=str(view.shortfall),
        transaction_ids=list(view.transaction_ids),
        started_at=view.started_at,
        ended_at=view.ended_at,
    )
