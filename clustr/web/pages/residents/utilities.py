"""`/app/utilities/`: electricity, water, internet, television: whose number it is, what it costs, buy, the token."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.payments.providers.declines import waiting_of
from clustr.payments.states import TransactionStatus
from clustr.recurring.automation_upcoming import automations_looking_ahead
from clustr.utilities import queries
from clustr.utilities.policies import refuse_amount_out_of_range
from clustr.utilities.types import AccountView, ProviderView
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.members import utilities as api
from clustr.web.pages.confirming import checked
from clustr.web.pages.forms import Attempt, attempt, go, together, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed
from clustr.web.pages.words import word_of
from clustr.web.refusals import PageNotFound
from clustr.web.schemas import Amount, In, to_money
from clustr.web.utility_schemas import CustomerNumber

_UNDECIDED = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)
SERVICES = ("electricity_utility", "water_utility", "internet_utility", "cable_tv_utility")
_MOST = 200


class _AmountIn(In):
    amount: Amount


class _NumberIn(In):
    provider_id: UUID
    customer_id: CustomerNumber


@page("app")
def show_utilities(request: Request) -> HttpResponse:
    """GET /app/utilities/: what can be bought, the numbers I keep, and what I bought last."""
    return _utilities(request)


def _utilities(request: Request, tried: Attempt | None = None) -> HttpResponse:
    query = ListQuery.of(request)

    def numbers() -> Context:
        rows = queries.my_accounts(actor=request.actor, q=query.q, after=begin_after(request, query), limit=query.fetch)
        return {**listed(request, query, rows), "q": query.q}

    def work() -> Context:
        actor = request.actor
        automations, ahead = automations_looking_ahead(actor=actor, now=request.now, limit=4)
        return {
            **numbers(),
            "services": SERVICES,
            "automations": automations,
            "ahead": {each.automation_id: each for each in ahead},
            "bought": queries.get_user_utility_bills(actor=actor, now=request.now, limit=6),
            "tried": tried,
        }

    return look(
        request,
        "pages/residents/utilities.html",
        work,
        part="" if tried else "pages/residents/account_rows.html",
        part_work=numbers,
        status=tried.status if tried else 200,
        at=reverse("app:utilities"),
    )


@page("app", methods=("GET", "POST"))
def choose(request: Request) -> HttpResponse:
    """GET, POST /app/utilities/buy/?service=: choose a utility, say whose number and how much; the utility is asked whose
    number it is, and what it costs is shown before anything is bought."""
    tried = None
    if request.method == "POST":
        tried = together(_fitting(request), _formed(request))
        tried = validate_number(request) if tried.done else tried
        if tried.done and (tried.answer or {}).get("status") == "pending":
            tried.answer, tried.problem = None, _("The utility is slow to answer. Send this again in a moment.")
        if tried.done:
            keep = keep_number(request) if request.POST.get("keep") else None
            tried = keep if keep and not keep.done else _quote(request)
        if tried.answer:
            return go(request, "app:buy_utility", tried.answer["id"])

    def work() -> Context:
        account = _account(request)
        return {
            **services_for(request, _service(request), account),
            "services": SERVICES,
            "account": account,
            "wallet": my_wallet(actor=request.actor),
            "tried": tried,
        }

    return look(request, "pages/residents/choose_utility.html", work, status=tried.status if tried else 200)


def services_for(request: Request, service: str, account: AccountView | None = None) -> Context:
    """What is sold of a service, as a form offers it; for a kept number, what is sold for that one."""
    rows = queries.utility_providers(actor=request.actor, service_type=BillType(service), limit=_MOST)
    only = [row for row in rows if account is None or row.id == account.provider_id]
    return {
        "service": str(service),
        "providers": only,
        "choices": [(str(row.id), row.name) for row in only],
        "priced": [(str(row.id), f"{row.name}{_price(row)}") for row in only],
        "one_price": only[0].fixed if len(only) == 1 else None,
        "all_fixed": bool(only) and all(row.fixed for row in only),
        "some_fixed": any(row.fixed for row in only),
        "label": _label(only),
    }


def _price(row: ProviderView) -> str:
    """What it costs, or between which amounts it is sold, after its name."""
    if row.fixed:
        return f": {row.fixed.with_sign()}"
    if row.minimum and row.maximum:
        return f" ({row.minimum.with_sign()} – {row.maximum.with_sign()})"
    if row.minimum:
        return _(" (from %(least)s)") % {"least": row.minimum.with_sign()}
    return _(" (up to %(most)s)") % {"most": row.maximum.with_sign()} if row.maximum else ""


def _service(request: Request) -> BillType:
    """Which service is wanted: the one named, or of the kept number that is named."""
    account = _account(request)
    named = account.provider_type.value if account else request.GET.get("service", SERVICES[0])
    if named not in [service.value for service in UTILITY_TYPES]:
        raise PageNotFound
    return BillType(named)


def _account(request: Request) -> AccountView | None:
    named = request.GET.get("account")
    if not named:
        return None
    try:
        account_id = UUID(named)
    except ValueError as error:
        raise PageNotFound from error
    return queries.account_of_member(actor=request.actor, account_id=account_id)


def _label(providers: list[ProviderView]) -> str:
    """What the number is called, where all of them call it the same."""
    names = {row.number_label for row in providers}
    return names.pop() if len(names) == 1 else _("Customer number")


def validate_number(request: Request) -> Attempt:
    """Ask the utility whose number it is: one that was typed, or one that is kept."""
    account = read_value(request, lambda: _account(request))
    number = _number(request) if account is None else {"account_id": account.id}
    return attempt(request, lambda: api.validate_customer(request, api.ValidateIn(**number)), keyed=False)


def _number(request: Request) -> dict[str, Any]:
    return typed(request, "provider_id", "customer_id")


def keep_number(request: Request) -> Attempt:
    """Keep a number that the utility has just confirmed."""
    body = {**_number(request), **typed(request, "label")}
    return attempt(request, lambda: api.save_utility_account(request, api.SaveAccountIn(**body)), keyed=False)


def _quote(request: Request) -> Attempt:
    account = request.GET.get("account")
    number = {"account_id": account} if account else _number(request)
    chosen = read_value(request, lambda: _chosen(request))
    amount = {"amount": str(chosen.fixed)} if chosen and chosen.fixed else typed_amount(request)
    return attempt(request, lambda: api.quote_utility(request, api.QuoteIn(**amount, **number)), keyed=False)


def _formed(request: Request) -> Attempt:
    """Whether what was typed may be a number; the utility is not asked."""
    return checked(request, lambda: None if request.GET.get("account") else _NumberIn(**_number(request)))


def _fitting(request: Request) -> Attempt:
    """Whether what was chosen is sold for what was typed, as far as that is known before the utility is asked. Of what has one
    price, or is sold no more, no amount is wanted; nor of a page that had no field for it."""
    chosen = read_value(request, lambda: _chosen(request))

    def parse() -> None:
        if chosen and chosen.fixed is None and "amount" in request.POST:
            amount = to_money(_AmountIn(**typed_amount(request)).amount, request.actor.currency)
            least = chosen.minimum.minor if chosen.minimum else None
            most = chosen.maximum.minor if chosen.maximum else None
            refuse_amount_out_of_range(amount=amount, fixed=None, minimum=least, maximum=most)

    return checked(request, parse)


def _chosen(request: Request) -> ProviderView | None:
    """What is to be bought: that of the kept number, or the one that was chosen; None where none was."""
    account = _account(request)
    chosen = str(account.provider_id) if account else request.POST.get("provider_id", "")
    rows = queries.utility_providers(actor=request.actor, service_type=_service(request), limit=_MOST)
    return next((row for row in rows if str(row.id) == chosen), None)


@page("app", methods=("GET", "POST"))
def buy(request: Request, quote_id: UUID) -> HttpResponse:
    """GET, POST /app/utilities/quotes/{id}/: whose number, what it costs; buy it as it stands there."""
    tried = None
    if request.method == "POST":
        quote = read_value(request, lambda: queries.quote_of_member(actor=request.actor, quote_id=quote_id))
        tried = attempt(
            request,
            lambda: api.buy_utility(
                request,
                api.BuyIn(amount=str(quote.amount), quote_id=quote_id, **typed(request, "pin")),
            ),
        )
        if tried.answer:
            return go(request, "app:purchase", tried.answer["id"])

    def work() -> Context:
        found = queries.quote_of_member(actor=request.actor, quote_id=quote_id)
        return {
            "quote": found,
            "expired": request.now >= found.expires_at,
            "wallet": my_wallet(actor=request.actor),
            "tried": tried,
        }

    return look(request, "pages/residents/buy_utility.html", work, status=tried.status if tried else 200)


@page("app")
def show_purchase(request: Request, purchase_id: UUID) -> HttpResponse:
    """GET /app/utilities/purchases/{id}/: how it stands; once it is delivered, its token. Looks again by itself."""
    return _purchase(request, purchase_id)


def _purchase(request: Request, purchase_id: UUID, tried: Attempt | None = None) -> HttpResponse:
    def work() -> Context:
        one = queries.purchase_of_member(actor=request.actor, purchase_id=purchase_id)
        bought = one.status == TransactionStatus.COMPLETED
        return {
            "one": one,
            "undecided": one.status in _UNDECIDED,
            "waiting": waiting_of(type=one.waits_for) if one.waits_for else None,
            "what": word_of(one.provider_type),
            "kept": queries.kept_account_of_purchase(actor=request.actor, purchase_id=purchase_id) if bought else None,
            "tried": tried,
        }

    return look(
        request,
        "pages/residents/purchase.html",
        work,
        part="" if tried else "pages/residents/purchase_state.html",
        status=tried.status if tried else 200,
        at=reverse("app:purchase", args=[purchase_id]),
    )


@page("app", methods=("POST",))
def resend(request: Request, purchase_id: UUID) -> HttpResponse:
    """POST /app/utilities/purchases/{id}/resend/: the token by e-mail, once more."""
    tried = attempt(request, lambda: api.resend_token(request, purchase_id))
    said = _("On its way to your e-mail.")
    return go(request, "app:purchase", purchase_id, said=said) if tried.done else _purchase(request, purchase_id, tried)


@page("app", methods=("POST",))
def remove_account(request: Request, account_id: UUID) -> HttpResponse:
    """POST /app/utilities/accounts/{id}/remove/: forget a kept number."""
    tried = attempt(request, lambda: api.remove_utility_account(request, account_id))
    return (
        go(request, "app:utilities", said=_("The number is forgotten.")) if tried.done else _utilities(request, tried)
    )
