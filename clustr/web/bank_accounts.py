"""What both doors ask about banks: which there are, and whose an account is. The number stays out of what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from clustr.settlement import commands as settlement
from clustr.wallets.types import Destination
from clustr.web.door import Request, json_answer, once_between, take_turn_to_ask_a_bank
from clustr.web.errors import CONTENT_TYPE
from clustr.web.money_schemas import AccountIn, BankAccountOut, BankOut, BanksOut

_NOT_KEPT = ""

BANKS_ANSWER: dict[str, Any] = {
    "responses": {
        "409": {
            "description": "No provider sends money of this currency.",
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    }
}
"""Beside the banks: a list may hear that there is nobody to ask."""


def banks_answer(request: Request) -> HttpResponse:
    """The banks of the estate's currency; asked for outside any transaction."""
    banks = settlement.list_banks(currency=request.actor.currency, now=request.now)
    answer = BanksOut(results=[BankOut(code=bank.code, name=bank.name) for bank in banks])
    return json_answer(answer.model_dump_json(by_alias=True))


def named(request: Request, ask: Callable[[], Destination]) -> Destination:
    """A bank account with its name, asked for by somebody whose turn it is."""
    take_turn_to_ask_a_bank(request)
    return ask()


def account_answer(
    request: Request, body: AccountIn, *, allow: Callable[[], None], ask: Callable[[], Destination]
) -> HttpResponse:
    """Whose account it is, once `allow` has let the request through. Takes a turn of those that ask a bank."""
    return once_between(
        request,
        body,
        200,
        record=lambda _claim, _checked: allow(),
        ask=lambda _allowed: named(request, ask),
        shape=lambda found: BankAccountOut(
            bank_code=found.bank_code, account_number=_NOT_KEPT, account_name=found.account_name
        ),
        complete=lambda answer: BankAccountOut.model_validate_json(answer).model_copy(
            update={"account_number": body.account_number}
        ),
    )
