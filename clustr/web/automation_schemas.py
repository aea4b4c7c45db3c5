"""How automations look in requests and answers: their terms, what became of each period, what comes next, limits by type."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from clustr.bills.types import BillType
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationNotices,
    AutomationRunState,
    AutomationRunView,
    AutomationState,
    AutomationSums,
    AutomationView,
    ScheduleKind,
    ScheduleTerms,
    SpendingLimitView,
    UpcomingView,
)
from clustr.recurring.types import PaymentSource, StoppedBy
from clustr.web.schemas import AmountOut, Currency, In, Instant, Out

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


def _read_clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise PydanticCustomError("invalid_time", 'Write a time of day such as "08:00".')
    return text


TimeOfDay = Annotated[
    str,
    StringConstraints(strict=True),
    AfterValidator(_read_clock),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["08:00"]}),
]
"""Of the estate's wall clock."""


class ScheduleIn(In):
    """By the calendar (a day of every month, a weekday), or so many days apart."""

    kind: ScheduleKind
    every: Annotated[int, Field(strict=True, ge=1, le=366)] = Field(
        description="The day of the month (1 to 31; a shorter month's last), the weekday (1 Monday to 7), or days apart."
    )
    at: TimeOfDay = "08:00"

    def terms(self) -> ScheduleTerms:
        hour, minute = self.at.split(":")
        return ScheduleTerms(self.kind, self.every, time(int(hour), int(minute)))


class ScheduleOut(Out):
    """When an automation buys, by the estate's wall clock."""

    kind: ScheduleKind
    every: int
    at: str = Field(examples=["08:00"])


class AutomationOut(Out):
    """What is bought by itself."""

    id: UUID
    account_id: UUID
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    ending: str = Field(examples=["5678"])
    schedule: ScheduleOut
    amount: AmountOut | None = Field(description="Null: what the purchases before make expect.")
    max_amount: AmountOut | None = Field(description="The most that an expected amount may be.")
    payment_source: PaymentSource
    payment_method_id: UUID | None
    spending_limit: AmountOut | None = Field(description="Of it in a calendar month, fees included.")
    minimum_balance: AmountOut = Field(description="What it leaves in the wallet.")
    priority: int = Field(description="1 goes first.")
    allow_partial: bool
    notify: list[AutomationNotices]
    status: AutomationState
    stopped_at: Instant | None
    stopped_by: StoppedBy
    reason: str = Field(description="Why it paused itself.")
    next_run_at: Instant | None
    spent_this_month: AmountOut
    currency: Currency
    created_at: Instant


class AutomationRunOut(Out):
    """What became of one period."""

    id: UUID
    due_at: Instant
    status: AutomationRunState
    amount: AmountOut
    fee: AmountOut
    currency: Currency
    source: PaymentSource
    attempts: int = Field(description="In vain.")
    failure: AutomationFailure
    shortfall: AmountOut = Field(description="What was missing last: in the wallet, or of a limit.")
    purchase_ids: list[UUID]
    next_attempt_at: Instant | None
    started_at: Instant
    ended_at: Instant | None


class UpcomingOut(Out):
    """What an automation will buy next."""

    automation_id: UUID
    provider_name: str
    ending: str
    due_at: Instant
    amount: AmountOut | None = Field(description="Null: too few purchases to expect one.")
    fee: AmountOut
    currency: Currency
    is_estimated: bool
    based_on: int = Field(description="On so many purchases.")
    spread: AmountOut = Field(description="How far these usually lie from the expected amount.")
    expected_at: Instant | None = Field(
        description="When the member would buy again by their own habit; null where the amount is named, or too few purchases."
    )
    shortfall: AmountOut = Field(
        description="What the wallet, as it is now, will lack by then, after all that is bought and paid by itself before."
    )
    is_over_limit: bool
    is_card_missing: bool = Field(description="The card that is to pay was removed.")
    is_beyond_card: bool = Field(
        description="It is less, or more, than the card's service takes at once: it is not bought."
    )
    paid_by: PaymentSource = Field(description="The card also where it stands in for a wallet that will not cover it.")
    card_fee: AmountOut = Field(description="What the card is charged on top, where payers bear the service's fee.")


class SpendingLimitOut(Out):
    """What automations may spend on one type of utility in a calendar month, and have."""

    service_type: BillType
    limit: AmountOut | None
    spent_this_month: AmountOut
    currency: Currency


class SpendingLimitsOut(Out):
    """One for each type."""

    results: list[SpendingLimitOut]


class AutomationSumsOut(Out):
    """How automations do: members who have one switched on, and of the periods that ended in the last thirty days how many
    were delivered, failed, or stopped at a limit. Shares are whole hundredths of a percent; null: of nothing."""

    members: int
    adoption_basis_points: int | None = Field(description="Members with one switched on, among the residents.")
    on: int
    paused: int
    delivered: int
    failed: int
    limited: int
    success_basis_points: int | None = Field(description="Delivered, of those delivered or failed.")
    retried: int = Field(description="Those that were tried in vain before.")
    recovered: int = Field(description="Of these, the delivered.")
    recovery_basis_points: int | None


def automation_out(view: AutomationView) -> AutomationOut:
    terms, currency = view.terms, view.spent_this_month.currency
    schedule = terms.schedule
    return AutomationOut(
        id=view.id,
        account_id=view.account_id,
        provider_id=view.provider_id,
        provider_name=view.provider_name,
        provider_type=view.provider_type,
        ending=view.ending,
        schedule=ScheduleOut(kind=schedule.kind, every=schedule.every, at=f"{schedule.at:%H:%M}"),
        amount=str(terms.amount) if terms.amount else None,
        max_amount=str(terms.max_amount) if terms.max_amount else None,
        payment_source=terms.payment_source,
        payment_method_id=terms.payment_method_id,
        spending_limit=str(terms.spending_limit) if terms.spending_limit else None,
        minimum_balance=str(terms.minimum_balance),
        priority=terms.priority,
        allow_partial=terms.allow_partial,
        notify=sorted(terms.notify),
        status=view.state,
        stopped_at=view.stopped_at,
        stopped_by=view.stopped_by,
        reason=view.reason,
        next_run_at=view.next_run_at,
        spent_this_month=str(view.spent_this_month),
        currency=currency,
        created_at=view.created_at,
    )


def automation_run_out(view: AutomationRunView) -> AutomationRunOut:
    return AutomationRunOut(
        id=view.id,
        due_at=view.due_at,
        status=view.state,
        amount=str(view.amount),
        fee=str(view.fee),
        currency=view.amount.currency,
        source=view.source,
        attempts=view.attempts,
        failure=view.failure,
        shortfall=str(view.shortfall),
        purchase_ids=list(view.purchase_ids),
        next_attempt_at=view.try_at,
        started_at=view.started_at,
        ended_at=view.ended_at,
    )


def upcoming_out(view: UpcomingView) -> UpcomingOut:
    return UpcomingOut(
        automation_id=view.automation_id,
        provider_name=view.provider_name,
        ending=view.ending,
        due_at=view.due_at,
        amount=str(view.amount) if view.amount else None,
        fee=str(view.fee),
        currency=view.fee.currency,
        is_estimated=view.is_estimated,
        based_on=view.based_on,
        spread=str(view.spread),
        expected_at=view.expected_at,
        shortfall=str(view.shortfall),
        is_over_limit=view.over_limit,
        is_card_missing=view.card_missing,
        is_beyond_card=bool(view.beyond_card),
        paid_by=view.paid_by,
        card_fee=str(view.card_fee),
    )


def spending_limit_out(view: SpendingLimitView) -> SpendingLimitOut:
    return SpendingLimitOut(
        service_type=view.service_type,
        limit=str(view.limit) if view.limit else None,
        spent_this_month=str(view.spent_this_month),
        currency=view.spent_this_month.currency,
    )


def automation_sums_out(sums: AutomationSums, *, residents: int) -> AutomationSumsOut:
    return AutomationSumsOut(
        members=sums.members,
        adoption_basis_points=share(sums.members, residents),
        on=sums.on,
        paused=sums.paused,
        delivered=sums.delivered,
        failed=sums.failed,
        limited=sums.limited,
        success_basis_points=share(sums.delivered, sums.delivered + sums.failed),
        retried=sums.retried,
        recovered=sums.recovered,
        recovery_basis_points=share(sums.recovered, sums.retried),
    )


def share(part: int, whole: int) -> int | None:
    """A part in whole hundredths of a percent; None: of nothing."""
    return None if whole == 0 else part * 10_000 // whole
