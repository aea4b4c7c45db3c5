"""`/members/utilities/automations/` and beside: what a member has bought by itself, how it went, what comes, and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.recurring import automation_queries as queries
from clustr.recurring import commands
from clustr.recurring.automation_types import AutomationChanges, AutomationNotices, AutomationTerms
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.types import PaymentSource
from clustr.wallets import commands as wallets
from clustr.wallets.types import SpendAuthorization
from clustr.web.automation_schemas import (
    AutomationOut,
    AutomationRunOut,
    ScheduleIn,
    SpendingLimitsOut,
    UpcomingOut,
    automation_out,
    automation_run_out,
    spending_limit_out,
    upcoming_out,
)
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page, page_of_few
from clustr.web.schemas import Amount, AmountOrZero, ChangesIn, Flag, In, Out, Pin, Text, to_money
from clustr.web.utility_schemas import ServiceType

router = Router(tags=["My utilities"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"
_SCHEDULE = {"kind": "day_of_month", "every": 28, "at": "08:00"}
_EXAMPLE: dict[str, Any] = {
    "account_id": _ID,
    "schedule": _SCHEDULE,
    "amount": "2000.00",
    "spending_limit": "9000.00",
    "minimum_balance": "1000.00",
    "is_enabled": True,
    "pin": "482915",
}
_MONEY = ("amount", "max_amount", "spending_limit", "minimum_balance")
_NEEDED = ("schedule", "payment_source", "priority", "allow_partial", "notify", "is_enabled")
Priority = Annotated[int, Field(strict=True, ge=1, le=1000)]


class TermsIn(In):
    """What an automation may do."""

    amount: Amount | None = Field(None, description="Null: what the purchases before make expect, up to `max_amount`.")
    max_amount: Amount | None = Field(None, description="The most that an expected amount may be.")
    payment_method_id: UUID | None = Field(
        None,
        description="A saved card. With `payment_source` `card` it pays always; with `wallet` it is the backup, charged only"
        " where the wallet does not cover the purchase.",
    )
    spending_limit: Amount | None = Field(None, description="Of it in a calendar month, fees included.")
    minimum_balance: AmountOrZero | None = Field(None, description="What it leaves in the wallet.")


class SetUpAutomationIn(TermsIn):
    """An automation to be set up. It is off unless `is_enabled` says otherwise."""

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    account_id: UUID = Field(description="A saved number.")
    schedule: ScheduleIn
    payment_source: PaymentSource = PaymentSource.WALLET
    priority: Priority = Field(100, description="1 goes first where the wallet does not cover all.")
    allow_partial: Flag = Field(False, description="Buy the part that is covered, where less can be bought.")
    notify: list[AutomationNotices] = Field(
        list(AutomationNotices), description="What to be told of. That it was paused is always told."
    )
    is_enabled: Flag = False
    pin: Pin | None = Field(None, description="Needed once a PIN is set. Runs never ask for it.")


class EditAutomationIn(TermsIn, ChangesIn):
    """What to change; what is absent stays as it is. Null takes a limit, a card or an amount away."""

    model_config = {"json_schema_extra": {"examples": [{"is_enabled": False}, {"amount": "2500.00", "pin": "482915"}]}}

    schedule: ScheduleIn | None = None
    payment_source: PaymentSource | None = None
    priority: Priority | None = None
    allow_partial: Flag | None = None
    notify: list[AutomationNotices] | None = None
    is_enabled: Flag | None = Field(None, description="Switch it on (with the PIN) or off (at once, without).")
    pin: Pin | None = Field(
        None, description="Needed, once a PIN is set, to switch it on and for whatever lets more be spent."
    )


class AutomationRemovedOut(Out):
    """The automation is gone."""

    removed: bool


class SpendingLimitIn(In):
    """What automations may spend on one type of utility in a calendar month."""

    model_config = {"json_schema_extra": {"examples": [{"service_type": "electricity_utility", "limit": "20000.00"}]}}

    service_type: ServiceType
    limit: Amount | None = Field(description="Fees included. Null: no limit any more.")
    pin: Pin | None = Field(None, description="Needed, once a PIN is set, for a higher limit or none.")


class AutomationsQuery(PageQuery):
    """My automations, which may be searched."""

    q: Annotated[str, Text(100, empty=True)] = Field(
        "", description="Part of what the number is called, of its end, or of the utility's name."
    )


@router.get("automations/", response=Page[AutomationOut], summary="My automations")
def list_automations(request: Request, query: Query[AutomationsQuery]) -> HttpResponse:
    """Newest first."""

    def work() -> Page[AutomationOut]:
        rows = queries.my_automations(
            actor=request.actor, now=request.now, q=query.q, before=last_id(request, query), limit=query.fetch
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=automation_out)

    return read(request, work)


@router.post("automations/", response={201: AutomationOut}, summary="Set up an automation")
def set_up_automation(request: Request, body: SetUpAutomationIn) -> HttpResponse:
    """For a saved number. It buys by itself, in the order of priority, within every limit, and never below the minimum.

    Refuses with `utility_account_not_found`, `utility_provider_not_found`, `automation_schedule_invalid`,
    `automation_amount_invalid`, `automation_card_invalid`, `amount_out_of_range`, `payment_method_not_found`,
    `too_little_history`, `too_many_automations`, `utility_pin_needed`, `not_a_member_now`, `pin_required`,
    `pin_incorrect`, `pin_locked`.
    """

    def work(authorization: SpendAuthorization | None) -> AutomationOut:
        made = commands.setup_recurring_utility_payment(
            actor=request.actor,
            account_id=body.account_id,
            terms=_terms(request, body),
            enable=body.is_enabled,
            authorization=authorization,
            now=request.now,
        )
        return _shown(request, made)

    return once(request, body, 201, work, before=_check(request, body.pin))


@router.patch("automations/{automation_id}/", response=AutomationOut, summary="Change an automation")
def edit_automation(request: Request, automation_id: UUID, body: EditAutomationIn) -> HttpResponse:
    """Its terms count from the next purchase on; switched off, it buys nothing from now on.

    Refuses with `automation_not_found`, and as setting one up.
    """

    def work(authorization: SpendAuthorization | None) -> AutomationOut:
        commands.edit_automation(
            actor=request.actor,
            automation_id=automation_id,
            changes=_changes(request, body),
            enable=body.is_enabled,
            authorization=authorization,
            now=request.now,
        )
        return _shown(request, automation_id)

    return once(request, body, 200, work, before=_check(request, body.pin))


@router.delete("automations/{automation_id}/", response=AutomationRemovedOut, summary="Remove an automation")
def remove_automation(request: Request, automation_id: UUID) -> HttpResponse:
    """It buys nothing from now on and is shown no more; what it bought stays. Refuses with `automation_not_found`."""

    def work() -> AutomationRemovedOut:
        commands.remove_automation(actor=request.actor, automation_id=automation_id, now=request.now)
        return AutomationRemovedOut(removed=True)

    return once(request, None, 200, work)


@router.get("automations/{automation_id}/history/", response=Page[AutomationRunOut], summary="How it went")
def get_automation_history(request: Request, automation_id: UUID, query: Query[PageQuery]) -> HttpResponse:
    """Period by period, newest first. Refuses with `automation_not_found`."""

    def work() -> Page[AutomationRunOut]:
        rows = queries.automation_history(
            actor=request.actor,
            automation_id=automation_id,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=automation_run_out)

    return read(request, work)


@router.get("upcoming/", response=Page[UpcomingOut], summary="What comes next")
def list_upcoming(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Of the automations that are on, within a month: when, how much, and what the wallet will lack by then."""

    def work() -> Page[UpcomingOut]:
        return page_of_few(
            request, query, lambda: upcoming_automations(actor=request.actor, now=request.now), out=upcoming_out
        )

    return read(request, work)


@router.get("spending_limits/", response=SpendingLimitsOut, summary="My spending limits")
def list_spending_limits(request: Request) -> HttpResponse:
    """By type of utility, of all automations together."""
    return read(request, lambda: _limits(request))


@router.post("spending_limits/", response=SpendingLimitsOut, summary="Set a spending limit")
def set_spending_limit(request: Request, body: SpendingLimitIn) -> HttpResponse:
    """For one type of utility. Refuses with `pin_required`, `pin_incorrect`, `pin_locked`."""

    def work(authorization: SpendAuthorization | None) -> SpendingLimitsOut:
        commands.set_spending_limit(
            actor=request.actor,
            service_type=body.service_type,
            limit=_money(request, body.limit, "limit"),
            authorization=authorization,
            now=request.now,
        )
        return _limits(request)

    return once(request, body, 200, work, before=_check(request, body.pin))


def _terms(request: Request, body: SetUpAutomationIn) -> AutomationTerms:
    return AutomationTerms(
        schedule=body.schedule.terms(),
        amount=_money(request, body.amount, "amount"),
        max_amount=_money(request, body.max_amount, "max_amount"),
        payment_source=body.payment_source,
        payment_method_id=body.payment_method_id,
        spending_limit=_money(request, body.spending_limit, "spending_limit"),
        minimum_balance=_money(request, body.minimum_balance, "minimum_balance"),
        priority=body.priority,
        allow_partial=body.allow_partial,
        notify=frozenset(body.notify),
    )


def _changes(request: Request, body: EditAutomationIn) -> AutomationChanges:
    given: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set - {"is_enabled", "pin"}}
    for name in _NEEDED:
        if name in body.model_fields_set and getattr(body, name) is None:
            raise InvalidValue.of(name, "required", "It can be changed, and not taken away.")
    for name in _MONEY:
        if name in given:
            given[name] = _money(request, given[name], name)
    if "minimum_balance" in given:
        given["minimum_balance"] = given["minimum_balance"] or Money(0, request.actor.currency)
    if "schedule" in given:
        given["schedule"] = given["schedule"].terms()
    if "notify" in given:
        given["notify"] = frozenset(given["notify"])
    changes: AutomationChanges = given  # type: ignore[assignment]
    return changes


def _check(request: Request, pin: str | None) -> Callable[[], SpendAuthorization] | None:
    """A PIN that came is checked outside the act's transaction: a wrong one stays counted."""
    if pin is None:
        return None
    return lambda: wallets.authorize_spend(actor=request.actor, pin=pin, now=request.now)


def _money(request: Request, amount: str | None, field: str) -> Money | None:
    return to_money(amount, request.actor.currency, field=field) if amount is not None else None


def _shown(request: Request, automation_id: UUID) -> AutomationOut:
    found = queries.my_automation(actor=request.actor, automation_id=automation_id, now=request.now)
    return automation_out(found)


def _limits(request: Request) -> SpendingLimitsOut:
    found = queries.my_spending_limits(actor=request.actor, now=request.now)
    return SpendingLimitsOut(results=[spending_limit_out(view) for view in found])
