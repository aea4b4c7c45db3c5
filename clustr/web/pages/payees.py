"""Bank accounts that money is sent to, as both areas ask for them: chosen from the provider's banks, looked up before anything
is kept, the bank's own name shown beside the one that was typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.payments.refusals import ProviderNotAvailable, ProviderUnavailable
from clustr.settlement.refusals import AccountNameRequired
from clustr.wallets.policies import check_name
from clustr.wallets.refusals import AccountNameDiffers
from clustr.wallets.types import Destination, NameCheck
from clustr.web.actors import Request
from clustr.web.money_schemas import AccountIn, DestinationIn
from clustr.web.pages.banks import bank_names
from clustr.web.pages.confirming import Shown, Word, checked, confirm, is_confirmed, to_confirm
from clustr.web.pages.forms import Attempt, attempt, key_of, typed, typed_before

_UNKNOWN = {
    ProviderNotAvailable.code: "not_available",
    ProviderUnavailable.code: "no_answer",
}

_Resolve = Callable[[Request, AccountIn], HttpResponse]
_TYPE_AGAIN = (AccountNameRequired.code,)
"""Refused for these, what was typed is not enough."""
_LOOK_AGAIN = (AccountNameDiffers.code,)
"""Refused for these, what was shown is no longer true."""


@dataclass(frozen=True, slots=True)
class Payee:
    """Whose account it is, for whoever decides to send money there. `unknown`: why its bank could not say: `not_available`,
    `no_answer`; "" where it did."""

    destination: Destination
    bank: str
    check: NameCheck
    unknown: str = ""

    @property
    def needs_word(self) -> bool:
        """Whether somebody has to say that they send it all the same."""
        return self.check in (NameCheck.DIFFERS, NameCheck.NOT_CHECKED)

    @property
    def name(self) -> str:
        return self.destination.holder or self.destination.account_name


def typed_destination(request: Request) -> dict[str, Any]:
    """The bank account of a form, and once it was looked up the name that was shown: for a body that checks it with the rest,
    so that all that is wrong is said at once."""
    seen = {"seen_name": request.POST["seen_name"]} if "seen_name" in request.POST else {}
    return {**typed(request, "bank_code", "account_number", "account_name"), **seen}


def pay_out(
    request: Request,
    *,
    parse: Callable[[], object],
    resolve: _Resolve,
    send: Callable[[], Attempt],
    form: Callable[[Attempt | None], HttpResponse],
    shown: Callable[[Payee], Shown],
    sent: Callable[[str], HttpResponse],
) -> HttpResponse:
    """The answer to a form that sends money to a bank account: typed (`form`), looked up (`resolve`) and shown with the name
    that its bank gives, sent, and `sent` for what came of it. What was shown and is no longer true is looked up again."""
    if request.method == "GET":
        return form(None)
    tried = checked(request, parse)
    payee: Payee | None = None
    if not tried.done or not (to_confirm(tried, request) or is_confirmed(request)):
        return form(tried)
    if is_confirmed(request):
        payee = shown_before(request)
        tried = unsaid(request, payee) or send()
        if tried.done and tried.answer:
            return sent(tried.answer["id"])
        if tried.code in _TYPE_AGAIN:
            return form(tried)
    if payee is None or tried.code in _LOOK_AGAIN:
        found, known = look_up(request, resolve)
        if known is None:
            return form(found)
        tried = tried if payee else found
    else:
        known = payee
    return confirm(request, tried, lambda: shown(known), payee=known)


def lines_of(payee: Payee) -> list[tuple[Word, Any]]:
    """Where the money goes, for whoever confirms that it goes there."""
    differs = payee.check is NameCheck.DIFFERS
    return [
        *([(_("To"), payee.name)] if payee.name else []),
        *([(_("Typed name"), payee.destination.account_name)] if differs else []),
        (_("Bank"), payee.bank),
        (_("Account number"), payee.destination.account_number),
    ]


def look_up(request: Request, ask: _Resolve) -> tuple[Attempt, Payee | None]:
    """Ask whose account was typed. A bank that cannot say is no reason to lose the form: then the payee is without its name;
    None where there is no such account."""
    sent = DestinationIn(**typed_destination(request))
    account = AccountIn(bank_code=sent.bank_code, account_number=sent.account_number)
    tried = attempt(request, lambda: ask(request, account), keyed=False)
    unknown = _UNKNOWN.get(tried.code, "")
    if not tried.done and not unknown:
        return tried, None
    holder = str((tried.answer or {}).get("account_name", ""))
    return Attempt(tried.values, answer={}, key=tried.key), _payee(request, sent, holder, unknown)


def shown_before(request: Request) -> Payee:
    """The payee as the confirmation that was sent showed it."""
    sent = DestinationIn(**typed_destination(request))
    holder = sent.seen_name or ""
    return _payee(request, sent, holder, "" if holder else "no_answer")


def unsaid(request: Request, payee: Payee) -> Attempt | None:
    """Refuse a confirmation in which nobody said that the money goes there although the name differs, or is not known."""
    if not payee.needs_word or "although" in request.POST:
        return None
    problem = _("Say that you want to send it all the same, or change the account.")
    errors = {"although": problem}
    kept, key = typed_before(request), key_of(request)  # nothing was asked for: the key is as it was
    return Attempt(kept, problem=problem, errors=errors, code="name_not_accepted", status=422, key=key)


def _payee(request: Request, sent: DestinationIn, holder: str, unknown: str) -> Payee:
    named: Any = replace(sent.as_destination(), holder=holder)
    bank = bank_names(request).get(sent.bank_code, sent.bank_code)
    return Payee(named, bank, check_name(destination=named), unknown)
