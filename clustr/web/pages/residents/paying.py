"""How a resident pays: from the wallet, on a provider's page, or with a saved card; the choice as a form offers and reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.providers.registry import available_providers
from clustr.payments.queries import fee_on_top, my_methods
from clustr.payments.types import SavedMethodView
from clustr.recurring.types import PaymentSource
from clustr.web.actors import Request
from clustr.web.pages.forms import Attempt, go, typed

WALLET = "wallet"
ABOUT_PIN = ("pin_required", "pin_incorrect", "pin_locked")
"""Refusals after which the page that asked for a confirmation is shown again, for the PIN alone."""


@dataclass(frozen=True)
class Means:
    """One way to pay: `value` is what its choice sends."""

    value: str
    provider: str
    card: SavedMethodView | None = None


def means_of(actor: Actor) -> list[Means]:
    """The ways to pay through a provider, a member's own cards first."""
    cards = [Means(f"card:{card.provider}:{card.id}", card.provider, card) for card in my_methods(actor=actor)]
    offered = available_providers()
    return [each for each in cards if each.provider in offered] + [Means(name, name) for name in offered]


def chosen_means(request: Request) -> dict[str, Any]:
    """Of a form's choice, what the API is told: the provider, and the card where one was chosen."""
    chosen = request.POST.get("means", "")
    if chosen.startswith("card:"):
        _card, provider, method_id = [*chosen.split(":"), "", ""][:3]
        return {"provider": provider, "payment_method_id": method_id, **typed(request, "pin")}
    return {"provider": chosen, "save_card": request.POST.get("save_card") == "on"}


def card_lines(request: Request, *, provider: str, amount: Money) -> list[tuple[str, Money]]:
    """What a card is charged for this amount, where the estate lets its payers bear the provider's fee: for the page that shows
    it first, in its transaction. Without lines it is the amount."""
    fee = Money(fee_on_top(provider=provider, amount=amount, now=request.now), amount.currency)
    return [(_("The card service's fee"), fee), (_("Taken from your card"), amount + fee)] if fee.minor else []


def is_saved_card(request: Request) -> bool:
    """Whether a form's choice is a saved card, which is charged without another page in between."""
    return request.POST.get("means", "").startswith("card:")


def cards_of(actor: Actor, chosen: UUID | None = None) -> dict[str, Any]:
    """For what runs by itself: the member's cards that can be charged, and the one that is chosen, if it is still kept."""
    offered = available_providers()
    kept = my_methods(actor=actor)
    return {
        "cards": [card for card in kept if card.provider in offered],
        "card": next((card for card in kept if card.id == chosen), None),
    }


def chosen_card(request: Request) -> dict[str, Any]:
    """Of a form that offers the wallet and saved cards: from which the API is told to take it."""
    source = request.POST.get("source", WALLET)
    if source == WALLET:
        return {"payment_source": PaymentSource.WALLET.value}
    return {"payment_source": PaymentSource.CARD.value, "payment_method_id": source}


def back_here() -> str:
    """Where the provider sends the payer's browser in the end."""
    return f"{settings.BASE_URL}{reverse('app:returned')}"


def onward(request: Request, tried: Attempt) -> HttpResponse:
    """After a payment was started: on to the provider's page, or, where a saved card was charged, to how it went. It is a
    page of ours with a link, since a form may lead to no other site."""
    answer = tried.answer or {}
    if answer.get("payment_url"):
        shown = {
            "url": answer["payment_url"],
            "amount": answer["amount"],
            "transaction_id": answer["transaction_id"],
            "bank_asks": is_saved_card(request),
            "save_card": request.POST.get("save_card") == "on",
        }
        return render(request, "pages/residents/onward.html", shown)
    paid = answer.get("status") == "completed"  # else the page of the payment says how it stands
    return go(request, "app:transaction", answer["transaction_id"], said=_("Your card was charged.") if paid else "")
