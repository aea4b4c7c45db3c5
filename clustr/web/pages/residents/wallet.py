"""`/app/wallet/`: what it holds; money in and out; PIN, freezing, saved cards."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clustr.payments.queries import my_methods
from clustr.utilities.queries import labels_of_purchases
from clustr.wallets.member_queries import my_movements, withdrawals_rest_until
from clustr.wallets.queries import my_wallet
from clustr.wallets.types import NameCheck
from clustr.web.actors import Request
from clustr.web.members import payment_methods
from clustr.web.members import wallet as api
from clustr.web.pages.banks import banks
from clustr.web.pages.confirming import Shown, ask_first, confirm
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_at, listed
from clustr.web.pages.payees import Payee, lines_of, pay_out, typed_destination
from clustr.web.pages.residents.paying import (
    ABOUT_PIN,
    back_here,
    card_lines,
    chosen_means,
    is_saved_card,
    means_of,
    onward,
)
from clustr.web.schemas import to_money

_MOVEMENTS = 10


@page("app")
def show_wallet(request: Request) -> HttpResponse:
    """GET /app/wallet/."""
    return _wallet(request)


def _wallet(request: Request, tried: Attempt | None = None) -> HttpResponse:
    def work() -> Context:
        actor = request.actor
        rows = my_movements(actor=actor, limit=_MOVEMENTS)
        return {
            "wallet": my_wallet(actor=actor),
            "cards": my_methods(actor=actor),
            "rows": rows,
            "labels": labels_of_purchases(actor=actor, purchase_ids=[row.transaction.id for row in rows]),
            "tried": tried,
        }

    return look(request, "pages/residents/wallet.html", work, status=tried.status if tried else 200)


@page("app")
def statement(request: Request) -> HttpResponse:
    """GET /app/wallet/statement/: every movement with what the wallet held after it, page by page, which can be searched."""
    query = ListQuery.of(request)

    def work() -> Context:
        before = begin_at(request, query, (int, UUID))
        rows = my_movements(actor=request.actor, q=query.q, before=before, limit=query.fetch)
        labels = labels_of_purchases(actor=request.actor, purchase_ids=[row.transaction.id for row in rows])
        return {**listed(request, query, rows, key=lambda row: row.position), "labels": labels, "q": query.q}

    return look(request, "pages/residents/statement.html", work, part="pages/residents/movement_rows.html")


@page("app")
def download_statement(request: Request) -> HttpResponseBase:
    """GET /app/wallet/statement.csv: all of it, for a spreadsheet."""
    return api.get_my_statement(request, api.StatementQuery(format=api.Form.CSV))


@page("app", methods=("GET", "POST"))
def fund(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/fund/: put money in, on a provider's page, which shows what it takes, or with a saved card, after
    that was shown here."""
    if request.method == "GET":
        return _fund_page(request, None)

    def body() -> api.DepositIn:
        return api.DepositIn.model_validate(
            {"callback_url": back_here(), **typed_amount(request), **chosen_means(request)}
        )

    asked = None
    if is_saved_card(request):
        asked = ask_first(
            request,
            parse=lambda: to_money(body().amount, request.actor.currency),
            shown=lambda: _fund_shown(request, body()),
            form=lambda tried: _fund_page(request, tried),
        )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.start_deposit(request, body()))
    if tried.done:
        return onward(request, tried)
    if tried.code in ABOUT_PIN:
        return confirm(request, tried, lambda: _fund_shown(request, body()))
    return _fund_page(request, tried)


def _fund_shown(request: Request, body: api.DepositIn) -> Shown:
    wallet, amount = my_wallet(actor=request.actor), to_money(body.amount, request.actor.currency)
    card = next((card for card in my_methods(actor=request.actor) if card.id == body.payment_method_id), None)
    return Shown(
        title=_("Into your wallet"),
        amount=amount,
        lines=[
            (_("From"), f"{card.brand.title()} •••• {card.last_four}" if card else _("Your saved card")),
            *card_lines(request, provider=body.provider, amount=amount),
            (_("Your wallet then holds"), wallet.balance + amount),
        ],
        button=_("Charge my card"),
        icon="credit-card",
        has_pin=wallet.has_pin,
    )


def _fund_page(request: Request, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        return {"wallet": my_wallet(actor=request.actor), "means": means_of(request.actor), "tried": tried}

    return look(request, "pages/residents/fund.html", work, status=tried.status if tried else 200)


@page("app", methods=("GET", "POST"))
def withdraw(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/withdraw/: send money to a bank account: typed, shown with the name that its bank gives, sent."""
    return pay_out(
        request,
        parse=lambda: to_money(_withdrawal(request).amount, request.actor.currency),
        resolve=api.resolve_my_bank_account,
        send=lambda: attempt(request, lambda: api.withdraw(request, _withdrawal(request))),
        form=lambda tried: _withdraw_page(request, tried),
        shown=lambda payee: _shown_withdrawal(request, payee),
        sent=lambda id: go(request, "app:transaction", id, said=_("Your withdrawal is noted.")),
    )


def _shown_withdrawal(request: Request, payee: Payee) -> Shown:
    wallet, amount = my_wallet(actor=request.actor), to_money(_withdrawal(request).amount, request.actor.currency)
    return Shown(
        title=_("From your wallet"),
        amount=amount,
        lines=[
            *lines_of(payee),
            *([(_("Your wallet then holds"), wallet.available - amount)] if amount <= wallet.available else []),
        ],
        button=_("Withdraw"),
        short=_("There is not that much to spend in your wallet.") if wallet.available < amount else "",
        icon="lock",
        notes=tuple(filter(None, (waits_first(),))),
        has_pin=wallet.has_pin,
        bad=payee.check is NameCheck.DIFFERS,
    )


def waits_first() -> str:
    """What becomes of money for an account that it has not gone to before; "" where it is sent at once."""
    hours = settings.ENV.PAYOUT_COOLING_HOURS
    return (
        hours
        and ngettext(
            "The first time money goes to an account it waits %(hours)s hour, and you get an e-mail. Until it is sent you can stop it.",
            "The first time money goes to an account it waits %(hours)s hours, and you get an e-mail. Until it is sent you can stop it.",
            hours,
        )
        % {"hours": hours}
    ) or ""


def _withdraw_page(request: Request, tried: Attempt | None) -> HttpResponse:
    offered = banks(request)

    def work() -> Context:
        rests_until = withdrawals_rest_until(actor=request.actor)
        return {
            "wallet": my_wallet(actor=request.actor),
            "rests_until": rests_until if rests_until and rests_until > request.now else None,
            "banks": offered,
            "waits_first": waits_first(),
            "tried": tried,
        }

    return look(request, "pages/residents/withdraw.html", work, status=tried.status if tried else 200)


def _withdrawal(request: Request) -> api.WithdrawIn:
    body = {"destination": typed_destination(request), **typed_amount(request), **typed(request, "pin")}
    return api.WithdrawIn.model_validate(body)


@page("app", methods=("POST",))
def cancel_withdrawal(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /app/wallet/withdrawals/{id}/cancel/: as long as it was not sent."""
    tried = attempt(request, lambda: api.cancel_withdrawal(request, transaction_id))
    if tried.done:
        return go(request, "app:transaction", transaction_id, said=_("Stopped. The money is back in your wallet."))
    return _wallet(request, tried)


@page("app", methods=("GET", "POST"))
def choose_pin(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/pin/: set a PIN, or change it. It is typed twice, since nobody sees what they type."""
    tried = None
    if request.method == "POST":
        tried = _differ(request) or attempt(
            request, lambda: api.set_pin(request, api.SetPinIn(**typed(request, "pin", "old_pin")))
        )
        if tried.done:
            return go(request, "app:wallet", said=_("Your PIN is set. Every payment asks for it from now on."))

    def work() -> Context:
        return {"wallet": my_wallet(actor=request.actor), "tried": tried}

    return look(request, "pages/residents/pin.html", work, status=tried.status if tried else 200)


@page("app", methods=("GET", "POST"))
def reset_pin(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/pin/reset/: a lost PIN: have a code mailed, then send it with a new PIN. Both need a fresh
    sign-in, which is asked for where it is missing."""
    tried, sent = None, request.GET.get("sent") == "yes"
    if request.method == "POST":
        body = typed(request, "code", "pin")
        wants_code = request.POST.get("step") == "send"
        differ = None if wants_code else _differ(request)
        tried = differ or attempt(
            request, lambda: api.reset_pin(request, api.ResetPinIn(**({} if wants_code else body)))
        )
        if tried.code == "fresh_sign_in_required":
            return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?next={reverse('app:reset_pin')}")
        if tried.done and wants_code:
            return go(request, f"{reverse('app:reset_pin')}?sent=yes", said=_("A code is on its way to your e-mail."))
        if tried.done:
            return go(request, "app:wallet", said=_("Your new PIN is set."))
        sent = not wants_code

    def work() -> Context:
        shown = {"sent": sent, "minutes": settings.ENV.PIN_RESET_MINUTES}
        return {"wallet": my_wallet(actor=request.actor), "tried": tried, **shown}

    return look(request, "pages/residents/reset_pin.html", work, status=tried.status if tried else 200)


def _differ(request: Request) -> Attempt | None:
    """Refuse a new PIN that was typed in two ways."""
    if request.POST.get("pin", "") == request.POST.get("pin_again", ""):
        return None
    return Attempt(
        errors={"pin_again": _("The two PINs are not the same. Type both again.")}, code="invalid", status=422
    )


@page("app", methods=("POST",))
def freeze(request: Request) -> HttpResponse:
    """POST /app/wallet/freeze/: nothing can be spent until it is unfrozen."""
    tried = attempt(request, lambda: api.freeze_wallet(request))
    return go(request, "app:wallet", said=_("Your wallet is frozen.")) if tried.done else _wallet(request, tried)


@page("app", methods=("POST",))
def unfreeze(request: Request) -> HttpResponse:
    """POST /app/wallet/unfreeze/: with the PIN, where one is set."""
    tried = attempt(request, lambda: api.unfreeze_wallet(request, api.UnfreezeIn(**typed(request, "pin"))))
    return go(request, "app:wallet", said=_("Your wallet is open again.")) if tried.done else _wallet(request, tried)


@page("app", methods=("POST",))
def forget_card(request: Request, method_id: UUID) -> HttpResponse:
    """POST /app/wallet/cards/{id}/forget/: a saved card is forgotten."""
    tried = attempt(request, lambda: payment_methods.remove_payment_method(request, method_id))
    return go(request, "app:wallet", said=_("The card is forgotten.")) if tried.done else _wallet(request, tried)
