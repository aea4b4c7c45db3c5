"""`/management/payments/settings/bank_details/`: the estate's own bank account."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from clustr.kit.actor import Actor
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.queries import bank_details
from clustr.wallets.types import BankDetailsView, Destination
from clustr.web.bank_accounts import BANKS_ANSWER, account_answer, banks_answer, named
from clustr.web.door import Request, actor_of, once_between, read
from clustr.web.money_schemas import DESTINATION_EXAMPLE, AccountIn, BankAccountOut, BanksOut
from clustr.web.schemas import Instant, Out, Text

router = Router(tags=["Settings"])

_NOT_KEPT = ""
_NAMED: dict[str, Any] = DESTINATION_EXAMPLE | {"account_name": "PALM GROVE RESIDENTS"}


class BankDetailsIn(AccountIn):
    """The account to keep, and the name that was shown for it."""

    model_config = {"json_schema_extra": {"examples": [_NAMED]}}

    account_name: Annotated[str, Text(200)] = Field(description="As `resolve/` answered it.")


class KeptOut(BankAccountOut):
    """The estate's own account."""

    sendable_from: Instant = Field(description="Until then money for it waits: it was never paid before.")
    kept_by: UUID
    kept_at: Instant


class BankDetailsOut(Out):
    bank_details: KeptOut | None = Field(description="Null: none is kept.")


@router.get("banks/", response=BanksOut, summary="Banks", openapi_extra=BANKS_ANSWER)
def list_banks(request: Request) -> HttpResponse:
    """Those that money of the estate's currency can be sent to, for their codes. Needs TransferFunds.

    Refuses with `provider_not_available`, `provider_unavailable`.
    """
    actor_of(request).require("TransferFunds")
    return banks_answer(request)


@router.get("settings/bank_details/", response=BankDetailsOut, summary="The estate's bank account")
def show_bank_details(request: Request) -> HttpResponse:
    """Needs TransferFunds."""
    return read(request, lambda: _out(bank_details(actor=request.actor, now=request.now)))


@router.post("settings/bank_details/resolve/", response=BankAccountOut, summary="Whose bank account it is")
def resolve_bank_account(request: Request, body: AccountIn) -> HttpResponse:
    """Asks the bank; nothing is kept. Needs TransferFunds.

    Refuses with `bank_account_not_found`, `provider_not_available`, `provider_unavailable`.
    """
    return account_answer(request, body, allow=lambda: _allowed(request), ask=lambda: _resolved(request.actor, body))


@router.post("settings/bank_details/", response=BankDetailsOut, summary="Keep the estate's bank account")
def keep_bank_details(request: Request, body: BankDetailsIn) -> HttpResponse:
    """The name is asked for once more, and must be the one that was shown. Money for an account that was never paid before
    waits, and everybody who may send money is told. Needs TransferFunds.

    Refuses with `account_name_differs`, `bank_account_not_found`, `provider_not_available`, `provider_unavailable`.
    """

    def keep(found: Destination) -> BankDetailsOut:
        wallets.keep_bank_details(actor=request.actor, destination=found, seen_name=body.account_name, now=request.now)
        return _numbered(_out(bank_details(actor=request.actor, now=request.now)), _NOT_KEPT)

    return once_between(
        request,
        body,
        200,
        record=lambda _claim, _checked: _allowed(request),
        ask=lambda _allowed: named(request, lambda: _resolved(request.actor, body)),
        shape=keep,
        complete=lambda answer: _numbered(BankDetailsOut.model_validate_json(answer), body.account_number),
    )


def _allowed(request: Request) -> None:
    request.actor.require("TransferFunds")


def _resolved(actor: Actor, body: AccountIn) -> Destination:
    return settlement.resolve_bank_account(actor=actor, bank_code=body.bank_code, account_number=body.account_number)


def _numbered(out: BankDetailsOut, account_number: str) -> BankDetailsOut:
    """With this as the account's number, which no kept answer holds: a repeat of the request names it itself."""
    return BankDetailsOut(
        bank_details=out.bank_details and out.bank_details.model_copy(update={"account_number": account_number})
    )


def _out(view: BankDetailsView | None) -> BankDetailsOut:
    if view is None:
        return BankDetailsOut(bank_details=None)
    kept = view.destination
    return BankDetailsOut(
        bank_details=KeptOut(
            bank_code=kept.bank_code,
            account_number=kept.account_number,
            account_name=kept.account_name,
            sendable_from=view.sendable_from,
            kept_by=view.kept_by,
            kept_at=view.kept_at,
        )
    )
