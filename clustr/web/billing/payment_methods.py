"""`/api/v1/billing/payment-methods/`: the cards that Stripe keeps for a customer. No card number comes here."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from ninja import Path, Query, Router

from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import CallRow
from clustr.web.billing.customers import as_customer, cause_of
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import MethodId, MethodOut, SetupOut, method_out
from clustr.web.door import Request, json_answer, once_between, take_turn
from clustr.web.paging import Page, PageQuery, all_of, page_of_few

router = Router(tags=["Subscription"])


@router.get("payment-methods/", response=Page[MethodOut], summary="My cards", openapi_extra=PERSONAL)
def list_my_cards(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """As Stripe has them now. Refuses with `provider_unavailable`, `provider_silent`."""
    as_customer(request)
    take_turn(request)  # it asks Stripe
    shown = page_of_few(request, query, lambda: commands.my_methods(actor=request.actor), out=method_out)
    return json_answer(shown.model_dump_json())


@router.post("payment-methods/", response={201: SetupOut}, summary="Give a card", openapi_extra=PERSONAL)
def give_card(request: Request) -> HttpResponse:
    """On Stripe's page: `checkout_url`. From then on everything is taken from it, what is open at once. Refuses with
    `collection_not_offered`, `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)
    return once_between(
        request,
        None,
        201,
        record=lambda claim, _checked: (
            commands.begin_setup(actor=request.actor, cause=cause_of(claim), now=request.now).id
        ),
        ask=lambda id: commands.ask_stripe(cluster_id=request.actor.cluster_id, call_id=id, now=request.now).url,
        shape=lambda url: SetupOut(checkout_url=url),
    )


@router.post(
    "payment-methods/{card_id}/use/", response=Page[MethodOut], summary="Use a card from now on", openapi_extra=PERSONAL
)
def use_card(request: Request, card_id: Path[MethodId]) -> HttpResponse:
    """Everything is taken from it, what is open at once. Refuses with `payment_method_not_found`, `collection_not_offered`,
    `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)
    return _about_card(request, card_id, commands.begin_using)


@router.delete("payment-methods/{card_id}/", response=Page[MethodOut], summary="Forget a card", openapi_extra=PERSONAL)
def forget_card(request: Request, card_id: Path[MethodId]) -> HttpResponse:
    """Nothing is taken from it any more. Refuses with `payment_method_not_found`, `collection_not_offered`,
    `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)
    return _about_card(request, card_id, commands.begin_forgetting)


def _about_card(request: Request, card_id: str, begin: Callable[..., CallRow]) -> HttpResponse:
    """Write down what is asked about a card, ask it, and answer which cards there are then."""

    def ask(id: object) -> Page[MethodOut]:
        commands.ask_stripe(cluster_id=request.actor.cluster_id, call_id=id, now=request.now)  # type: ignore[arg-type]
        return all_of(commands.my_methods(actor=request.actor), out=method_out)

    return once_between(
        request,
        None,
        200,
        record=lambda claim, _checked: (
            begin(actor=request.actor, method_id=card_id, cause=cause_of(claim), now=request.now).id
        ),
        ask=ask,
        shape=lambda out: out,
    )
