"""`/app/wallet/`: what it holds; money in and out; PIN, freezing, saved cards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.payments.queries import TransactionFilter, my_methods, my_transactions
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.members import payment_methods
from clustr.web.members import wallet as api
from clustr.web.pages.banks import banks
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.residents.paying import back_here, chosen_means, means_of, onward


@page("app")
def show_wallet(request: Request) -> HttpResponse:
    """GET /app/wallet/."""
    return _wallet(request)


def _wallet(request: Request, tried: Attempt | None = None) -> HttpResponse:
    def work() -> Context:
        actor = request.actor
        return {
            "wallet": my_wallet(actor=actor),
            "cards": my_methods(actor=actor),
            "recent": my_transactions(actor=actor, chosen=TransactionFilter(), limit=5),
            "tried": tried,
        }

    return look(request, "pages/residents/wallet.html", work, status=tried.status if tried else 200)


@page("app", methods=("GET", "POST"))
def fund(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/fund/: put money in, on a provider's page or with a saved card."""
    tried = None
    if request.method == "POST":
        tried = attempt(
            request,
            lambda: api.start_deposit(
                request,
                api.DepositIn.model_validate(
                    {"callback_url": back_here(), **typed_amount(request), **chosen_means(request)}
                ),
            ),
        )
        if tried.done:
            return onward(request, tried)

    def work() -> Context:
        return {"wallet": my_wallet(actor=request.actor), "means": means_of(request.actor), "tried": tried}

    return look(request, "pages/residents/fund.html", work, status=tried.status if tried else 200)


@page("app", methods=("GET", "POST"))
def withdraw(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/withdraw/: send money to a bank account."""
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.withdraw(request, _withdrawal(request)))
        if tried.answer:
            return go(request, "app:transaction", tried.answer["id"], said=_("Your withdrawal is on its way."))

    def work() -> Context:
        return {"wallet": my_wallet(actor=request.actor), "banks": banks(), "tried": tried}

    return look(request, "pages/residents/withdraw.html", work, status=tried.status if tried else 200)


def _withdrawal(request: Request) -> api.WithdrawIn:
    destination: dict[str, Any] = typed(request, "bank_code", "account_number", "account_name")
    return api.WithdrawIn.model_validate({"destination": destination, **typed_amount(request), **typed(request, "pin")})


@page("app", methods=("POST",))
def cancel_withdrawal(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /app/wallet/withdrawals/{id}/cancel/: as long as it was not sent."""
    tried = attempt(request, lambda: api.cancel_withdrawal(request, transaction_id))
    if tried.done:
        return go(request, "app:transaction", transaction_id, said=_("Stopped. The money is back in your wallet."))
    return _wallet(request, tried)


@page("app", methods=("GET", "POST"))
def choose_pin(request: Request) -> HttpResponse:
    """GET, POST /app/wallet/pin/: set a PIN, or change it."""
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.set_pin(request, api.SetPinIn(**typed(request, "pin", "old_pin"))))
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
        tried = attempt(request, lambda: api.reset_pin(request, api.ResetPinIn(**({} if wants_code else body))))
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


@page("app", methods=("POST",))
def freeze(request: Request) -> HttpResponse:
    """POST /app/wallet/freeze/: nothing can be spent until it is unfrozen."""
    tried = attempt(request, lambda: api.freeze_wallet(request))
    return go(request, "app:wallet", said=_("Your wallet is frozen.")) if tried.done else _wallet(request, tried)


@page("app", methods=("POST",))
def unfreeze(request: Request) -> HttpResponse:
    """POST /app/wallet/unfreeze/."""
    tried = attempt(request, lambda: api.unfreeze_wallet(request))
    return go(request, "app:wallet", said=_("Your wallet is open again.")) if tried.done else _wallet(request, tried)


@page("app", methods=("POST",))
def forget_card(request: Request, method_id: UUID) -> HttpResponse:
    """POST /app/wallet/cards/{id}/forget/: a saved card is forgotten."""
    tried = attempt(request, lambda: payment_methods.remove_payment_method(request, method_id))
    return go(request, "app:wallet", said=_("The card is forgotten.")) if tried.done else _wallet(request, tried)
