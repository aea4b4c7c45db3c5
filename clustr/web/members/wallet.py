"""`/members/wallet/`: a member's wallet: what it holds, money out, its PIN, freezing."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from ninja import Query, Router
from pydantic import Field, StringConstraints, WithJsonSchema

from clustr.kit.errors import InvalidValue
from clustr.payments.queries import TransactionFilter, my_transactions, view_of
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.settlement import commands as settlement
from clustr.wallets import commands, queries
from clustr.wallets.member_queries import Movement, my_movements
from clustr.wallets.types import CheckedPin, Destination, SpendAuthorization
from clustr.web.bank_accounts import BANKS_ANSWER, account_answer, banks_answer, named
from clustr.web.csv_answers import csv_answer
from clustr.web.door import Request, actor_of, once, once_between, read
from clustr.web.money_schemas import (
    DESTINATION_EXAMPLE,
    AccountIn,
    BankAccountOut,
    BanksOut,
    DestinationIn,
    DestinationOut,
    TransactionOut,
    WalletOut,
    destination_out,
    transaction_out,
    wallet_out,
)
from clustr.web.paging import Page, PageQuery, by_id, last_id, page, position
from clustr.web.payment_schemas import (
    CallbackUrl,
    CheckoutOut,
    MethodId,
    Provider,
    SaveCard,
    SavedCardPin,
    checkout_out,
    request_key,
    saved_card,
)
from clustr.web.schemas import Amount, AmountOut, Currency, In, Instant, Out, Pin, Text, to_money

router = Router(tags=["My wallet"])

STATEMENT_HEADER = ("at", "amount", "balance", "currency", "type", "description", "reference", "transaction_id")

ResetCode = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{8}$"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{8}$", "writeOnly": True}),
]


class DepositIn(In):
    """Money to be put into the wallet."""

    model_config = {"json_schema_extra": {"examples": [{"amount": "10000.00", "provider": "paystack"}]}}

    amount: Amount
    provider: Provider
    callback_url: CallbackUrl = ""
    payment_method_id: MethodId
    save_card: SaveCard
    pin: SavedCardPin


class WithdrawIn(In):
    """Money to be sent to the member's bank account."""

    model_config = {
        "json_schema_extra": {"examples": [{"amount": "10000.00", "destination": DESTINATION_EXAMPLE, "pin": "482915"}]}
    }

    amount: Amount
    destination: DestinationIn
    pin: Pin | None = Field(None, description="Needed once a PIN is set.")


class WithdrawalOut(TransactionOut):
    """Money on its way to the member's bank account."""

    destination: DestinationOut


class SetPinIn(In):
    """A first or another PIN."""

    model_config = {"json_schema_extra": {"examples": [{"pin": "482915"}, {"pin": "917364", "old_pin": "482915"}]}}

    pin: Pin = Field(description="Six digits that are not easily guessed.")
    old_pin: Pin | None = Field(None, description="Needed to change a PIN.")


class ResetPinIn(In):
    """Nothing, to be mailed a code; then that code with the new PIN."""

    model_config = {"json_schema_extra": {"examples": [{}, {"code": "20418867", "pin": "917364"}]}}

    code: ResetCode | None = Field(None, description="As mailed; absent: mail one.")
    pin: Pin | None = Field(None, description="The new PIN, together with `code`.")


class UnfreezeIn(In):
    """Nothing, where no PIN is set."""

    model_config = {"json_schema_extra": {"examples": [{}, {"pin": "482915"}]}}

    pin: Pin | None = Field(None, description="Needed once a PIN is set.")


class CodeSentOut(Out):
    """A code is on its way by e-mail."""

    sent: bool
    expires_in_seconds: int


class WalletTransactionsQuery(PageQuery):
    type: TransactionType | None = None
    status: TransactionStatus | None = None
    since: Instant | None = Field(None, alias="from", description="Made from this instant on.")
    until: Instant | None = Field(None, alias="to", description="Made before this instant.")


class Form(StrEnum):
    """How the statement is answered."""

    JSON = "json"
    CSV = "csv"


class StatementQuery(PageQuery):
    """My wallet's statement, which may be searched."""

    q: Annotated[str, Text(100, empty=True)] = Field("", description="Part of the description or of the reference.")
    since: Instant | None = Field(None, alias="from", description="Moved from this instant on.")
    until: Instant | None = Field(None, alias="to", description="Moved before this instant.")
    format: Form = Field(Form.JSON, description="`csv`: every row, streamed; `limit` and `cursor` do not count.")


class MovementOut(Out):
    """One movement of a wallet."""

    id: UUID
    amount: AmountOut = Field(description="What the wallet changed by: negative where money left it.")
    balance: AmountOut = Field(description="What the wallet held after it, whatever the filters leave out.")
    currency: Currency
    at: Instant
    transaction: TransactionOut = Field(description="What it was.")


@router.get("balance/", response=WalletOut, summary="My wallet")
def get_my_wallet(request: Request) -> HttpResponse:
    """What it holds, and what can be spent now."""
    return read(request, lambda: _wallet(request))


@router.get("transactions/", response=Page[TransactionOut], summary="My transactions")
def list_my_transactions(request: Request, query: Query[WalletTransactionsQuery]) -> HttpResponse:
    """Newest first."""

    def work() -> Page[TransactionOut]:
        chosen = TransactionFilter(type=query.type, status=query.status, since=query.since, until=query.until)
        rows = my_transactions(actor=request.actor, chosen=chosen, before=last_id(request, query), limit=query.fetch)
        return page(request, query, rows, key=lambda row: by_id(row.id), out=transaction_out)

    return read(request, work)


@router.get(
    "statement/",
    response=Page[MovementOut],
    summary="My wallet's statement",
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def get_my_statement(request: Request, query: Query[StatementQuery]) -> HttpResponse | StreamingHttpResponse:
    """Every movement of the wallet, newest first, with what it held after each; `format=csv` streams them all."""
    if query.format is Form.CSV:
        return csv_answer(
            request,
            name="statement",
            header=STATEMENT_HEADER,
            fetch=lambda before, limit: movements_of(request, query, before, limit),
            key=lambda row: row.position,
            row=_statement_row,
        )

    def work() -> Page[MovementOut]:
        rows = movements_of(request, query, position(request, query, (int, UUID)), query.fetch)
        return page(request, query, rows, key=lambda row: row.position, out=_movement_out)

    return read(request, work)


def movements_of(
    request: Request, query: StatementQuery, before: tuple[int, UUID] | None, limit: int
) -> list[Movement]:
    """What the statement shows of what was asked for."""
    return my_movements(
        actor=request.actor, q=query.q, since=query.since, until=query.until, before=before, limit=limit
    )


def _movement_out(row: Movement) -> MovementOut:
    return MovementOut(
        id=row.position[1],
        amount=str(row.amount),
        balance=str(row.balance),
        currency=row.amount.currency,
        at=row.at,
        transaction=transaction_out(row.transaction),
    )


def _statement_row(row: Movement) -> tuple[str, ...]:
    one = row.transaction
    return (
        row.at.isoformat().replace("+00:00", "Z"),
        str(row.amount),
        str(row.balance),
        row.amount.currency,
        one.type.value,
        one.description,
        one.reference,
        str(one.id),
    )


@router.post("deposit/", response={201: CheckoutOut}, summary="Put money into my wallet")
def start_deposit(request: Request, body: DepositIn) -> HttpResponse:
    """Starts a payment: send the payer to `payment_url`, or charges a saved card. The wallet is credited when the provider
    confirms it.

    Refuses with `provider_not_available`, `callback_not_allowed`, `provider_unavailable`, `provider_would_not`,
    `provider_silent`; with a saved card also with `payment_method_not_found`, `pin_required`, `pin_incorrect`, `pin_locked`.
    """
    pin = body.pin
    return once_between(
        request,
        body,
        201,
        record=lambda claim, authorization: settlement.prepare_deposit(
            actor=request.actor,
            amount=to_money(body.amount, request.actor.currency),
            provider=body.provider,
            callback_url=body.callback_url,
            request=request_key(claim),
            card=saved_card(body.payment_method_id, authorization),
            save_card=body.save_card,
            now=request.now,
        ),
        before=(lambda: commands.authorize_spend(actor=request.actor, pin=pin, now=request.now)) if pin else None,
        ask=lambda prepared: settlement.open_checkout(actor=request.actor, prepared=prepared, now=request.now),
        shape=checkout_out,
    )


@router.get("banks/", response=BanksOut, summary="Banks to withdraw to", openapi_extra=BANKS_ANSWER)
def list_my_banks(request: Request) -> HttpResponse:
    """Those that money of the estate's currency can be sent to, for their codes.

    Refuses with `provider_not_available`, `provider_unavailable`.
    """
    actor_of(request)
    return banks_answer(request)


@router.post("withdraw/resolve/", response=BankAccountOut, summary="Whose bank account it is")
def resolve_my_bank_account(request: Request, body: AccountIn) -> HttpResponse:
    """Asks the bank; nothing is kept.

    Refuses with `bank_account_not_found`, `provider_not_available`, `provider_unavailable`.
    """
    return account_answer(
        request,
        body,
        allow=lambda: None,
        ask=lambda: settlement.resolve_own_account(
            actor=request.actor, bank_code=body.bank_code, account_number=body.account_number
        ),
    )


@router.post("withdraw/", response={201: WithdrawalOut}, summary="Withdraw to a bank account")
def withdraw(request: Request, body: WithdrawIn) -> HttpResponse:
    """The money leaves the wallet at once and is `pending` until it is known to have arrived, or is returned. The bank is asked
    whose account it is, and `destination` says how that compares with `account_name`.

    Refuses with `insufficient_funds`, `account_frozen`, `pin_required`, `pin_incorrect`, `pin_locked`,
    `bank_account_not_found`, `account_name_required`; where a name was seen also with `account_name_differs`, `provider_not_available`,
    `provider_unavailable`.
    """
    pin = body.pin

    def check() -> tuple[SpendAuthorization | None, Destination]:
        allowed = commands.authorize_spend(actor=request.actor, pin=pin, now=request.now) if pin else None
        sent = body.destination
        return allowed, named(
            request,
            lambda: settlement.name_destination(
                actor=request.actor, destination=sent.as_destination(), seen_name=sent.seen_name
            ),
        )

    def work(checked: tuple[SpendAuthorization | None, Destination] | None) -> WithdrawalOut:
        authorization, destination = checked or (None, body.destination.as_destination())
        transaction = commands.withdraw(
            actor=request.actor,
            amount=to_money(body.amount, request.actor.currency),
            destination=destination,
            authorization=authorization,
            now=request.now,
        )
        return WithdrawalOut(
            **transaction_out(view_of(transaction)).model_dump(), destination=destination_out(destination)
        )

    return once(request, body, 201, work, before=check)


@router.post("withdrawals/{transaction_id}/cancel/", response=TransactionOut, summary="Stop my withdrawal")
def cancel_withdrawal(request: Request, transaction_id: UUID) -> HttpResponse:
    """As long as it was not sent; the money is back in the wallet. Refuses with `payout_not_found`, `payout_decided`."""

    def work() -> TransactionOut:
        stopped = commands.cancel_withdrawal(actor=request.actor, payout_id=transaction_id, now=request.now)
        return transaction_out(view_of(stopped))

    return once(request, None, 200, work)


@router.post("set_pin/", response=WalletOut, summary="Set or change the PIN")
def set_pin(request: Request, body: SetPinIn) -> HttpResponse:
    """From then on every spend needs it.

    Refuses with `pin_too_easy`, `old_pin_required`, `pin_incorrect`, `pin_locked`.
    """
    return once(
        request,
        body,
        200,
        lambda checked: _with_pin(request, checked),
        before=lambda: commands.check_new_pin(actor=request.actor, pin=body.pin, old_pin=body.old_pin, now=request.now),
        again=lambda: commands.authorize_spend(actor=request.actor, pin=body.pin, now=request.now),
    )


@router.post("reset_pin/", response={200: WalletOut, 202: CodeSentOut}, summary="Reset the PIN")
def reset_pin(request: Request, body: ResetPinIn) -> HttpResponse:
    """Without `code`: mails one (202). With `code` and `pin`: sets the new PIN and lifts every lock (200). Both need a
    sign-in of the last minutes.

    Refuses with `fresh_sign_in_required`, `pin_not_set`, `reset_code_invalid`, `pin_too_easy`.
    """
    code, pin, signed_in_at = body.code, body.pin, request.signed_in.at
    if code is None and pin is None:
        return once(request, body, 202, lambda: _send_code(request))
    if code is None or pin is None:
        raise InvalidValue.of("code" if code is None else "pin", "required", "Send `code` and `pin` together.")
    return once(
        request,
        body,
        200,
        lambda checked: _with_pin(request, checked),
        before=lambda: commands.check_pin_reset(
            actor=request.actor, code=code, pin=pin, signed_in_at=signed_in_at, now=request.now
        ),
        again=lambda: commands.authorize_spend(actor=request.actor, pin=pin, now=request.now),
    )


@router.post("freeze/", response=WalletOut, summary="Freeze my wallet")
def freeze_wallet(request: Request) -> HttpResponse:
    """Stop all spending; money may still come in. Harmless to repeat."""

    def work() -> WalletOut:
        commands.freeze_wallet(actor=request.actor, now=request.now)
        return _wallet(request)

    return once(request, None, 200, work)


@router.post("unfreeze/", response=WalletOut, summary="Unfreeze my wallet")
def unfreeze_wallet(request: Request, body: UnfreezeIn | None = None) -> HttpResponse:
    """Allow spending again. Harmless to repeat.

    Refuses with `pin_required`, `pin_incorrect`, `pin_locked`.
    """

    def work(authorization: SpendAuthorization | None) -> WalletOut:
        commands.unfreeze_wallet(actor=request.actor, authorization=authorization, now=request.now)
        return _wallet(request)

    pin = body.pin if body else None
    check = (lambda: commands.authorize_spend(actor=request.actor, pin=pin, now=request.now)) if pin else None
    return once(request, body, 200, work, before=check)


def _with_pin(request: Request, checked: CheckedPin | None) -> WalletOut:
    """The PIN and the answer that it is set commit together."""
    if checked is None:
        raise AssertionError("a PIN is set only after it was checked")
    commands.keep_pin(actor=request.actor, checked=checked, now=request.now)
    return _wallet(request)


def _wallet(request: Request) -> WalletOut:
    return wallet_out(queries.my_wallet(actor=request.actor))


def _send_code(request: Request) -> CodeSentOut:
    commands.request_pin_reset(actor=request.actor, signed_in_at=request.signed_in.at, now=request.now)
    return CodeSentOut(sent=True, expires_in_seconds=settings.ENV.PIN_RESET_MINUTES * 60)
