"""Pure rules of standing orders: which are refused, what a run pays, and what follows from how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.bills.policies import category_of, refuse_amount
from clustr.bills.types import BillCategory
from clustr.payments.types import PaymentErrorType
from clustr.recurring.refusals import (
    BillTypeNotPayable,
    MaximumNotNeeded,
    NoPeriodLeft,
    PaymentMethodMissing,
    StartDatePassed,
)
from clustr.recurring.schedule import Schedule
from clustr.recurring.types import NewOrder, OrderState, PaymentSource, RunFailure, RunState, StoppedBy

ORDERS_OF_A_MEMBER = 50
"""How many active and paused standing orders one member may have."""
RETRIES_WIDEST_HOURS = 72
"""However often it has failed, a run is tried again within this time."""


@dataclass(frozen=True, slots=True)
class Open:
    """A bill of a member that is open to be paid: what remains of it."""

    bill_id: UUID
    remaining_minor: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where an order and its run stand after an attempt. `next_run_at` None: it does not run until somebody resumes it, or
    never again."""

    run: RunState
    order: OrderState
    stopped_by: StoppedBy
    next_period: int
    next_run_at: datetime | None
    failed_attempts: int


def refuse_order(*, new: NewOrder, currency: str, timezone: str, now: datetime) -> None:
    """Refuse a standing order that cannot be set up: of nothing, of another currency, of a utility's bills, begun before
    today, or over before it begins."""
    refuse_amount(amount=new.amount, currency=currency)
    if new.bill_type is not None and category_of(new.bill_type) is not BillCategory.CLUSTER_MANAGED:
        raise BillTypeNotPayable
    if new.max_amount is not None:
        refuse_amount(amount=new.max_amount, currency=currency)
        if new.bill_type is None or new.max_amount < new.amount:
            raise MaximumNotNeeded
    if (new.payment_source is PaymentSource.CARD) != (new.payment_method_id is not None):
        raise PaymentMethodMissing
    today = now.astimezone(ZoneInfo(timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    if new.start_date < today:
        raise StartDatePassed
    if new.end_date is not None and new.end_date < new.start_date:
        raise NoPeriodLeft


def card_has_expired(*, month: int, year: int, now: datetime) -> bool:
    """Whether a card that is good until the end of this month cannot be charged any more, anywhere on earth."""
    first_after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return now >= first_after + timedelta(hours=12)


def failure_of_charge(*, type: PaymentErrorType) -> RunFailure:
    """What a card's decline means for a run."""
    match type:
        case PaymentErrorType.INSUFFICIENT_FUNDS | PaymentErrorType.LIMIT_EXCEEDED:
            return RunFailure.CARD_NOT_COVERED
        case PaymentErrorType.EXPIRED_CARD:
            return RunFailure.CARD_EXPIRED
        case PaymentErrorType.INVALID_CARD | PaymentErrorType.DECLINED_CARD | PaymentErrorType.FRAUD_SUSPECTED:
            return RunFailure.CARD_DECLINED
        case _:
            return RunFailure.PROVIDER_TROUBLE


def takes_minor(*, amount_minor: int, max_minor: int | None, payable_minor: int | None) -> int:
    """What a run takes of what its bills could be paid with now, its maximum where it has one; `payable_minor` None: it pays no
    bills."""
    return amount_minor if payable_minor is None else min(max_minor or amount_minor, payable_minor)


def divide_among_bills(*, cap_minor: int, owed: Sequence[Open]) -> list[tuple[UUID, int]]:
    """What a run pays on each bill, the first ones first: never more than remains of it, and together at most the cap."""
    left, parts = cap_minor, []
    for bill in owed:
        part = min(left, bill.remaining_minor)
        if part <= 0:
            break
        parts.append((bill.bill_id, part))
        left -= part
    return parts


def after_success(*, schedule: Schedule, period: int, run: RunState) -> Step:
    """The next period, whenever it is due: what was missed runs at once, one period after the other. So it also goes on after
    what another try does not mend, and another period may."""
    due_at = schedule.due_at(period + 1)
    if schedule.end_at is not None and due_at > schedule.end_at:
        return Step(run, OrderState.ENDED, StoppedBy.NOBODY, period + 1, None, 0)
    return Step(run, OrderState.ACTIVE, StoppedBy.NOBODY, period + 1, due_at, 0)


def after_failure(*, period: int, failed_attempts: int, most: int, first_wait: timedelta, now: datetime) -> Step:
    """Try the same period again, each time after twice as long; after the last try the order pauses itself."""
    failed = failed_attempts + 1
    if failed >= most:
        return Step(RunState.FAILED, OrderState.PAUSED, StoppedBy.FAILURES, period + 1, None, failed)
    wait = min(first_wait * 2 ** (failed - 1), timedelta(hours=RETRIES_WIDEST_HOURS))
    return Step(RunState.RETRYING, OrderState.ACTIVE, StoppedBy.NOBODY, period, now + wait, failed)
