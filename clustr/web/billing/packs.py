"""`/api/v1/billing/usage/packs/`: units in advance, on top of the plan, paid by the card in use."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.audit.types import Claim
from clustr.payments.refusals import ProviderWouldNot
from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import CallRow, current_subscription, my_subscription
from clustr.subscriptions.states import CallState
from clustr.subscriptions.usage_queries import packs_on_offer
from clustr.web.billing.customers import as_customer, cause_of
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import EstateQuery, Minor, SubscriptionOut, subscription_out
from clustr.web.door import Request, once_between, read
from clustr.web.paging import Page, PageQuery, page_of_few
from clustr.web.schemas import In, Out

router = Router(tags=["Subscription"])


class PackOut(Out):
    """`units` of a feature for `price`, before tax, in minor units."""

    id: str
    feature_type: str
    units: int
    price: Minor
    currency: str


class PacksQuery(PageQuery, EstateQuery):
    """Of whose subscription, and which page."""


class BuyPackIn(In):
    pack_id: str = Field(
        strict=True,
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        examples=["ai_responses_500"],
        description="`id` of one on offer.",
    )
    cluster_id: UUID | None = Field(None, description="For an estate that one administers; absent: for oneself.")


@router.get("usage/packs/", response=Page[PackOut], summary="Units to buy in advance", openapi_extra=PERSONAL)
def list_usage_packs(request: Request, query: Query[PacksQuery]) -> HttpResponse:
    """On top of what my plan includes; none where it is not paid by card. Refuses with `subscription_not_found`."""
    as_customer(request)

    def offered() -> list[PackOut]:
        held = current_subscription(actor=request.actor, for_cluster_id=query.cluster_id)
        return [
            PackOut(
                id=pack.code,
                feature_type=pack.feature,
                units=pack.units,
                price=pack.prices[held.currency],
                currency=held.currency,
            )
            for pack in packs_on_offer(actor=request.actor, subscription_id=held.id)
        ]

    return read(request, lambda: page_of_few(request, query, offered, out=lambda pack: pack))


@router.post("usage/packs/", response={201: SubscriptionOut}, summary="Buy units in advance", openapi_extra=PERSONAL)
def buy_units(request: Request, body: BuyPackIn) -> HttpResponse:
    """For the period under way; invoiced, and taken from the card in use. They count once they are paid: where the bank asks
    its customer first, that is after `checkout_url`, within an hour. Refuses with `subscription_not_found`,
    `subscription_ended`, `subscription_lapsed`, `usage_pack_not_found`, `collection_not_offered`, `change_under_way`, `card_declined`,
    `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)

    def begin(claim: Claim | None, _checked: None) -> CallRow:
        held = current_subscription(actor=request.actor, for_cluster_id=body.cluster_id)
        return commands.begin_buying_pack(
            actor=request.actor,
            subscription_id=held.id,
            code=body.pack_id,
            cause=cause_of(claim),
            now=request.now,
        )

    def ask(begun: CallRow) -> CallRow:
        ended = commands.ask_stripe(cluster_id=request.actor.cluster_id, call_id=begun.id, now=request.now)
        if ended.state == CallState.DROPPED:
            raise ProviderWouldNot
        return ended

    def shape(asked: CallRow) -> SubscriptionOut:
        waits = asked.state == CallState.WAITING
        held = my_subscription(actor=request.actor, for_cluster_id=body.cluster_id, now=request.now)
        return subscription_out(held).model_copy(update={"checkout_url": asked.url if waits else ""})

    return once_between(request, body, 201, record=begin, ask=ask, shape=shape)
