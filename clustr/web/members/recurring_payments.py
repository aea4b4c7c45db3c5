"""`/members/recurring-payments/`: a member's standing orders: set up, looked at, changed, paused, resumed, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.recurring import commands, queries
from clustr.recurring.types import Frequency, NewOrder, OrderChanges, OrderState, PaymentSource
from clustr.wallets import commands as wallets
from clustr.wallets.types import SpendAuthorization
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.recurring_schemas import RecurringPaymentOut, RunOut, recurring_payment_out, run_out
from clustr.web.schemas import Amount, AmountOut, Currency, In, Instant, Out, Pin, Text, to_money

router = Router(tags=["My recurring payments"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"
_EXAMPLE: dict[str, Any] = {
    "title": "Monthly service charge",
    "amount": "5000.00",
    "frequency": "monthly",
    "start_date": "2199-02-01T00:00:00Z",
    "bill_type": "service_charge",
    "pin": "482915",
}


class CreateRecurringPaymentIn(In):
    """A standing order to be set up."""

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    title: Annotated[str, Text(200)]
    amount: Amount = Field(
        description="Without `bill_type`: what each run contributes to the estate's wallet. With it: what a run pays at most."
    )
    frequency: Frequency
    start_date: Instant = Field(
        description="The first run. On the estate's wall clock, each later one is so many whole periods after it: a payment"
        " of the 31st falls on the last day of shorter months and on the 31st again after."
    )
    end_date: Instant | None = Field(None, description="No run comes after it.")
    description: Annotated[str, Text(2_000, empty=True, lines=True)] = ""
    bill_type: BillType | None = Field(
        None, description="Pay my acknowledged bills of this type, the oldest first; never more than is owed."
    )
    payment_source: PaymentSource = PaymentSource.WALLET
    payment_method_id: UUID | None = Field(None, description="With `card`: which of my saved cards is charged.")
    max_amount: Amount | None = Field(None, description="With `bill_type`: the most a run pays; at least `amount`.")
    pin: Pin | None = Field(None, description="Needed once a PIN is set. Runs never ask for it.")


class EditRecurringPaymentIn(In):
    """What to change; what is absent stays as it is."""

    model_config = {"json_schema_extra": {"examples": [{"amount": "6000.00", "pin": "482915"}]}}

    title: Annotated[str, Text(200)] | None = None
    description: Annotated[str, Text(2_000, empty=True, lines=True)] | None = None
    amount: Amount | None = None
    max_amount: Amount | None = None
    end_date: Instant | None = None
    payment_method_id: UUID | None = Field(None, description="Another of my saved cards, where a card pays.")
    pin: Pin | None = Field(
        None, description="Needed, once a PIN is set, where more may be taken, for longer, or from another card."
    )


class RecurringPaymentIn(In):
    """Which standing order."""

    model_config = {"json_schema_extra": {"examples": [{"recurring_payment_id": _ID}]}}

    recurring_payment_id: UUID


class ReasonedRecurringPaymentIn(RecurringPaymentIn):
    """Which standing order, and why."""

    model_config = {"json_schema_extra": {"examples": [{"recurring_payment_id": _ID, "reason": "Travelling"}]}}

    reason: Annotated[str, Text(500, empty=True)] = ""


class ResumeRecurringPaymentIn(RecurringPaymentIn):
    """Which standing order is to run again."""

    model_config = {"json_schema_extra": {"examples": [{"recurring_payment_id": _ID, "pin": "482915"}]}}

    pin: Pin | None = Field(None, description="Needed once a PIN is set.")


class RecurringPaymentsQuery(PageQuery):
    status: OrderState | None = None


class RecurringPaymentWithHistoryOut(RecurringPaymentOut):
    """A standing order with how its periods went."""

    history: list[RunOut] = Field(description="The last hundred runs, newest first.")


class RecurringPaymentSummaryOut(Out):
    """My standing orders in numbers."""

    active: int
    paused: int
    next_run_at: Instant | None
    due_next_month: AmountOut = Field(description="What the active ones take in the next 30 days, at most.")
    paid_this_year: AmountOut
    currency: Currency


@router.get("my_payments/", response=Page[RecurringPaymentOut], summary="My recurring payments")
def list_my_recurring_payments(request: Request, query: Query[RecurringPaymentsQuery]) -> HttpResponse:
    """Newest first."""

    def work() -> Page[RecurringPaymentOut]:
        rows = queries.my_recurring_payments(
            actor=request.actor, state=query.status, before=last_id(request, query), limit=query.fetch
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=recurring_payment_out)

    return read(request, work)


@router.get("summary/", response=RecurringPaymentSummaryOut, summary="My recurring payments in numbers")
def get_recurring_payment_summary(request: Request) -> HttpResponse:
    """How many there are, when the next one runs, and what they take."""

    def work() -> RecurringPaymentSummaryOut:
        found = queries.recurring_payment_summary(actor=request.actor, now=request.now)
        return RecurringPaymentSummaryOut(
            active=found.active,
            paused=found.paused,
            next_run_at=found.next_run_at,
            due_next_month=str(found.due_next_month),
            paid_this_year=str(found.paid_this_year),
            currency=found.paid_this_year.currency,
        )

    return read(request, work)


@router.post("create/", response={201: RecurringPaymentOut}, summary="Set up a recurring payment")
def create_recurring_payment(request: Request, body: CreateRecurringPaymentIn) -> HttpResponse:
    """From the wallet or a saved card, on the day, without asking again. A run that finds too little is tried again a few
    times; then the recurring payment pauses itself, and at once where its card cannot be charged any more. What a card
    pays on bills goes by way of the wallet: what is not needed any more stays there.

    Refuses with `pin_required`, `pin_incorrect`, `pin_locked`, `not_a_member_now`, `start_date_passed`, `no_period_left`,
    `bill_type_not_payable`, `maximum_not_needed`, `too_many_recurring_payments`, `payment_method_missing`; with a card also
    `payment_method_not_found`, `card_expired`, `provider_not_available`.
    """

    def work(authorization: SpendAuthorization | None) -> RecurringPaymentOut:
        made = commands.create_recurring_payment(
            actor=request.actor,
            new=NewOrder(
                title=body.title,
                amount=to_money(body.amount, request.actor.currency),
                frequency=body.frequency,
                start_date=body.start_date,
                end_date=body.end_date,
                description=body.description,
                bill_type=body.bill_type,
                payment_source=body.payment_source,
                payment_method_id=body.payment_method_id,
                max_amount=_money(request, body.max_amount, "max_amount"),
            ),
            authorization=authorization,
            now=request.now,
        )
        return _shown(request, made)

    return once(request, body, 201, work, before=_check(request, body.pin))


@router.post("pause/", response=RecurringPaymentOut, summary="Pause a recurring payment")
def pause_recurring_payment(request: Request, body: ReasonedRecurringPaymentIn) -> HttpResponse:
    """Until it is resumed. What is due meanwhile is not paid, also not later.

    Refuses with `recurring_payment_not_found`, `recurring_payment_not_active`, `recurring_payment_over`.
    """

    def work() -> RecurringPaymentOut:
        commands.pause_recurring_payment(
            actor=request.actor,
            recurring_payment_id=body.recurring_payment_id,
            reason=body.reason,
            now=request.now,
        )
        return _shown(request, body.recurring_payment_id)

    return once(request, body, 200, work)


@router.post("resume/", response=RecurringPaymentOut, summary="Resume a recurring payment")
def resume_recurring_payment(request: Request, body: ResumeRecurringPaymentIn) -> HttpResponse:
    """From the next period that lies ahead. What the office paused is resumed once the office has let it go.

    Refuses with `recurring_payment_not_found`, `recurring_payment_not_paused`, `recurring_payment_held`,
    `recurring_payment_over`, `recurring_payment_under_way`, `not_a_member_now`, `no_period_left`, `pin_required`, `pin_incorrect`, `pin_locked`.
    """

    def work(authorization: SpendAuthorization | None) -> RecurringPaymentOut:
        commands.resume_recurring_payment(
            actor=request.actor,
            recurring_payment_id=body.recurring_payment_id,
            authorization=authorization,
            now=request.now,
        )
        return _shown(request, body.recurring_payment_id)

    return once(request, body, 200, work, before=_check(request, body.pin))


@router.post("cancel/", response=RecurringPaymentOut, summary="Cancel a recurring payment")
def cancel_recurring_payment(request: Request, body: ReasonedRecurringPaymentIn) -> HttpResponse:
    """For good. Refuses with `recurring_payment_not_found`, `recurring_payment_over`."""

    def work() -> RecurringPaymentOut:
        commands.cancel_recurring_payment(
            actor=request.actor,
            recurring_payment_id=body.recurring_payment_id,
            reason=body.reason,
            now=request.now,
        )
        return _shown(request, body.recurring_payment_id)

    return once(request, body, 200, work)


@router.get("{recurring_payment_id}/", response=RecurringPaymentWithHistoryOut, summary="One of my recurring payments")
def get_my_recurring_payment(request: Request, recurring_payment_id: UUID) -> HttpResponse:
    """With how its periods went. Refuses with `recurring_payment_not_found`."""

    def work() -> RecurringPaymentWithHistoryOut:
        shown = _shown(request, recurring_payment_id)
        runs = queries.history_of(actor=request.actor, recurring_payment_id=recurring_payment_id)
        return RecurringPaymentWithHistoryOut(**shown.model_dump(), history=[run_out(run) for run in runs])

    return read(request, work)


@router.patch("{recurring_payment_id}/", response=RecurringPaymentOut, summary="Change a recurring payment")
def edit_recurring_payment(request: Request, recurring_payment_id: UUID, body: EditRecurringPaymentIn) -> HttpResponse:
    """Counts from the next run on.

    Refuses with `recurring_payment_not_found`, `recurring_payment_over`, `maximum_not_needed`, `no_period_left`,
    `payment_method_missing`, `payment_method_not_found`, `card_expired`, `provider_not_available`, `pin_required`,
    `pin_incorrect`, `pin_locked`.
    """

    def work(authorization: SpendAuthorization | None) -> RecurringPaymentOut:
        commands.edit_recurring_payment(
            actor=request.actor,
            recurring_payment_id=recurring_payment_id,
            changes=OrderChanges(
                title=body.title,
                description=body.description,
                amount=_money(request, body.amount, "amount"),
                max_amount=_money(request, body.max_amount, "max_amount"),
                end_date=body.end_date,
                payment_method_id=body.payment_method_id,
            ),
            authorization=authorization,
            now=request.now,
        )
        return _shown(request, recurring_payment_id)

    return once(request, body, 200, work, before=_check(request, body.pin))


def _check(request: Request, pin: str | None) -> Callable[[], SpendAuthorization] | None:
    """A PIN that came is checked outside the act's transaction: a wrong one stays counted."""
    if pin is None:
        return None
    return lambda: wallets.authorize_spend(actor=request.actor, pin=pin, now=request.now)


def _money(request: Request, amount: str | None, field: str) -> Money | None:
    return to_money(amount, request.actor.currency, field=field) if amount is not None else None


def _shown(request: Request, recurring_payment_id: UUID) -> RecurringPaymentOut:
    found = queries.my_recurring_payment(actor=request.actor, recurring_payment_id=recurring_payment_id)
    return recurring_payment_out(found)
