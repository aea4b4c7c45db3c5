"""`/members/utilities/`: what a member buys from outside: find, validate, quote, buy, look, have the token again."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import in_tenant
from clustr.utilities import commands, queries
from clustr.utilities.policies import refuse_former
from clustr.utilities.types import Screened, Wanted
from clustr.web.bill_schemas import StatusFilter
from clustr.web.door import Request, actor_of, once, once_between, once_keeping_facts, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import Amount, In, Out, Pin, Text, to_money
from clustr.web.utility_schemas import (
    CustomerNumber,
    PurchaseOut,
    QuoteOut,
    ServiceType,
    UtilityAccountOut,
    UtilityBillOut,
    UtilityProviderOut,
    ValidationOut,
    account_out,
    provider_out,
    purchase_out,
    quote_out,
    utility_bill_out,
    validation_out,
)

router = Router(tags=["My utilities"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"
_NAMELESS = {"customer_name": "", "customer_address": ""}
_NUMBER: dict[str, Any] = {"provider_id": _ID, "customer_id": "04512345678"}


class ProvidersQuery(PageQuery):
    service_type: ServiceType | None = None


class UtilityBillsQuery(PageQuery):
    status: StatusFilter | None = None
    type: ServiceType | None = None


class NumberIn(In):
    """A saved number, or one that is named with its provider."""

    model_config = {"json_schema_extra": {"examples": [_NUMBER]}}

    account_id: UUID | None = Field(None, description="A saved number; else `provider_id` and `customer_id`.")
    provider_id: UUID | None = None
    customer_id: CustomerNumber | None = None


class ValidateIn(NumberIn):
    """Whose number this is."""


class SaveAccountIn(In):
    """A number to be kept; it was validated in the last minutes."""

    model_config = {"json_schema_extra": {"examples": [{**_NUMBER, "label": "Flat"}]}}

    provider_id: UUID
    customer_id: CustomerNumber
    label: Annotated[str, Text(60, empty=True)] = ""


class QuoteIn(NumberIn):
    """What is wanted, for a saved number or for one that is named with its provider."""

    model_config = {"json_schema_extra": {"examples": [{"amount": "2000.00", **_NUMBER}]}}

    amount: Amount


class BuyIn(QuoteIn):
    """A purchase. With `quote_id`, as it was quoted and not otherwise; the number then need not be named again."""

    model_config = {"json_schema_extra": {"examples": [{"amount": "2000.00", **_NUMBER, "pin": "482915"}]}}

    quote_id: UUID | None = None
    pin: Pin | None = Field(None, description="Needed once a PIN is set.")


class RemovedOut(Out):
    """The number was destroyed."""

    removed: bool


class TokenSentOut(Out):
    """It is on its way. It is not told here: an answer may be kept, to be given again to a repeated request."""

    purchase_id: UUID
    is_sent: bool


@router.get("providers/", response=Page[UtilityProviderOut], summary="What is sold")
def list_utility_providers(request: Request, query: Query[ProvidersQuery]) -> HttpResponse:
    """Of one `service_type`, or of all."""

    def work() -> Page[UtilityProviderOut]:
        rows = queries.utility_providers(
            actor=request.actor,
            service_type=query.service_type,
            after=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=provider_out)

    return read(request, work)


@router.post("validate_customer/", response=ValidationOut, summary="Whose number it is")
def validate_customer(request: Request, body: ValidateIn) -> HttpResponse:
    """Asks the utility, for a second at most. `pending`: it has not answered; read the validation again.

    Refuses with `not_a_member_now`, `utility_provider_not_found`, `utility_account_not_found`, `invalid_customer`,
    `meter_not_found`, `utility_too_fast`.
    """
    _refuse_incomplete(body)
    actor = actor_of(request)

    def prepare() -> UUID:
        if body.account_id is not None:
            return commands.prepare_kept_validation(actor=actor, account_id=body.account_id, now=request.now)
        return commands.prepare_validation(actor=actor, **_named_number(body), now=request.now)

    def take_validation_turn() -> None:
        refuse_former(actor=actor)
        commands.take_validation_turn(actor=actor, provider_id=_provider_of(request, body), now=request.now)

    return once_between(
        request,
        body,
        200,
        record=lambda _claim, _screened: prepare(),
        ask=lambda asked: commands.validate_utility_customer(actor=actor, validation_id=asked, now=request.now),
        shape=lambda view: validation_out(view).model_copy(update=_NAMELESS),
        before=take_validation_turn,
        complete=lambda kept: _named(request, ValidationOut.model_validate_json(kept)),
    )


@router.get("validations/{validation_id}/", response=ValidationOut, summary="A validation")
def get_validation(request: Request, validation_id: UUID) -> HttpResponse:
    """How it stands now. Refuses with `validation_not_found`, also once it has expired."""

    def work() -> ValidationOut:
        return validation_out(
            queries.validation_of_member(actor=request.actor, validation_id=validation_id, now=request.now)
        )

    return read(request, work)


@router.get("accounts/", response=Page[UtilityAccountOut], summary="My saved numbers")
def list_utility_accounts(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Newest first; of each number, its end."""

    def work() -> Page[UtilityAccountOut]:
        rows = queries.my_accounts(actor=request.actor, after=last_id(request, query), limit=query.fetch)
        return page(request, query, rows, key=lambda row: by_id(row.id), out=account_out)

    return read(request, work)


@router.post("accounts/", response={201: UtilityAccountOut}, summary="Save a number")
def save_utility_account(request: Request, body: SaveAccountIn) -> HttpResponse:
    """A meter, smart card or customer number, sealed. Refuses with `not_a_member_now`, `utility_provider_not_found`,
    `validation_needed`."""

    def work() -> UtilityAccountOut:
        saved = commands.save_account(
            actor=request.actor,
            provider_id=body.provider_id,
            customer_id=body.customer_id,
            label=body.label,
            now=request.now,
        )
        return account_out(saved)

    return once(request, body, 201, work)


@router.delete("accounts/{account_id}/", response=RemovedOut, summary="Remove a saved number")
def remove_utility_account(request: Request, account_id: UUID) -> HttpResponse:
    """It is destroyed; purchases stay. Refuses with `utility_account_not_found`, `purchase_under_way`."""

    def work() -> RemovedOut:
        commands.remove_account(actor=request.actor, account_id=account_id, now=request.now)
        return RemovedOut(removed=True)

    return once(request, None, 200, work)


@router.post("quote/", response=QuoteOut, summary="What it would cost")
def quote_utility(request: Request, body: QuoteIn) -> HttpResponse:
    """With the fee, until the number's validation expires. The utility is asked about a saved number, where it has not been
    lately; one that is named must have been validated.

    Refuses with `utility_account_not_found`, `validation_needed`, `validation_pending`, `amount_out_of_range`, and as a
    validation does.
    """
    _refuse_incomplete(body)

    def confirm() -> None:
        if body.account_id is not None:
            commands.know_kept_customer(actor=request.actor, account_id=body.account_id, now=request.now)

    def work() -> str:
        quoted = commands.quote_utility(actor=request.actor, wanted=_wanted(request, body, None), now=request.now)
        return quote_out(quoted).model_copy(update={"customer_name": ""}).model_dump_json()

    return once_keeping_facts(
        request,
        body,
        200,
        work,
        lambda kept: _of_a_customer(request, QuoteOut.model_validate_json(kept)),
        before=confirm,
    )


@router.post("pay/", response={202: PurchaseOut}, summary="Buy")
def buy_utility(request: Request, body: BuyIn) -> HttpResponse:
    """From the wallet. The money is held and the purchase is `pending`: read it again to learn what became of it.

    Refuses as a quote does, and with `quote_expired`, `quote_changed`, `quote_used`, `purchase_under_way`,
    `insufficient_funds`, `account_frozen`, `pin_required`, `pin_incorrect`, `utility_limit_exceeded`,
    `utility_account_cooling`, `utility_pin_needed`, `utility_too_fast`.
    """
    if body.quote_id is None:
        _refuse_incomplete(body)

    def screen() -> Screened:
        actor = request.actor
        if body.account_id is not None and body.quote_id is None:
            commands.know_kept_customer(actor=actor, account_id=body.account_id, now=request.now)
        return commands.screen_purchase(
            actor=actor, wanted=_wanted(request, body, body.quote_id), pin=body.pin, now=request.now
        )

    def work(screened: Screened | None) -> PurchaseOut:
        if screened is None:
            raise AssertionError("nothing is bought unscreened")
        bought = commands.process_one_time_utility_payment(actor=request.actor, screened=screened, now=request.now)
        return purchase_out(bought)

    return once(request, body, 202, work, before=screen)


@router.get("purchases/{purchase_id}/", response=PurchaseOut, summary="A purchase")
def get_purchase(request: Request, purchase_id: UUID) -> HttpResponse:
    """How it stands, and once it is delivered its token. Refuses with `purchase_not_found`."""
    return read(request, lambda: purchase_out(queries.purchase_of_member(actor=request.actor, purchase_id=purchase_id)))


@router.post("purchases/{purchase_id}/resend_token/", response={202: TokenSentOut}, summary="The token by e-mail")
def resend_token(request: Request, purchase_id: UUID) -> HttpResponse:
    """To its buyer's address. Refuses with `purchase_not_found`, `token_not_ready`."""

    def work() -> TokenSentOut:
        commands.resend_token(actor=request.actor, purchase_id=purchase_id, now=request.now)
        return TokenSentOut(purchase_id=purchase_id, is_sent=True)

    return once(request, None, 202, work)


@router.get("bills/", response=Page[UtilityBillOut], summary="My utility bills")
def list_utility_bills(request: Request, query: Query[UtilityBillsQuery]) -> HttpResponse:
    """Each with its purchase, newest first."""

    def work() -> Page[UtilityBillOut]:
        rows = queries.get_user_utility_bills(
            actor=request.actor,
            bill_type=query.type,
            status=query.status,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.bill.id), out=utility_bill_out)

    return read(request, work)


def _named(request: Request, kept: ValidationOut) -> ValidationOut:
    """With the name and address, which are kept beside no key; once they were forgotten, without."""
    return kept.model_copy(update=dict(zip(_NAMELESS, _customer(request, validation_id=kept.id), strict=True)))


def _of_a_customer(request: Request, kept: QuoteOut) -> QuoteOut:
    return kept.model_copy(update={"customer_name": _customer(request, quote_id=kept.id)[0]})


def _customer(request: Request, *, validation_id: UUID | None = None, quote_id: UUID | None = None) -> tuple[str, str]:
    actor = actor_of(request)
    return in_tenant(
        actor.cluster_id,
        lambda: queries.customer_of_member(actor=actor, validation_id=validation_id, quote_id=quote_id),
    )


def _wanted(request: Request, body: QuoteIn, quote_id: UUID | None) -> Wanted:
    return Wanted(
        amount=to_money(body.amount, request.actor.currency),
        account_id=body.account_id,
        provider_id=body.provider_id,
        customer_id=body.customer_id,
        quote_id=quote_id,
    )


def _named_number(body: NumberIn) -> dict[str, Any]:
    return {"provider_id": body.provider_id, "customer_id": body.customer_id}


def _provider_of(request: Request, body: NumberIn) -> UUID:
    """Who is asked about a number. Refuses `UtilityAccountNotFound`."""
    if body.account_id is None:
        return cast(UUID, body.provider_id)
    actor, account_id = actor_of(request), body.account_id
    kept = in_tenant(actor.cluster_id, lambda: queries.account_of_member(actor=actor, account_id=account_id))
    return kept.provider_id


def _refuse_incomplete(body: NumberIn) -> None:
    """A saved number, or a provider with a number: one of them, and whole."""
    named = (body.provider_id is not None, body.customer_id is not None)
    if body.account_id is None and named != (True, True):
        field = "customer_id" if named[0] else "provider_id"
        raise InvalidValue.of(field, "required", "Send `account_id`, or `provider_id` and `customer_id` together.")
    if body.account_id is not None and any(named):
        raise InvalidValue.of("account_id", "one_of", "Send `account_id`, or `provider_id` and `customer_id`.")
