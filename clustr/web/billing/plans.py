"""`/api/v1/billing/`: the plans, and the subscription to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.commands import ChangePreview
from clustr.subscriptions.document_queries import CallRow, CurrentRow, current_subscription, my_subscription
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.subscriptions.states import Collection
from clustr.web.billing.customers import as_anybody, as_customer, cause_of
from clustr.web.billing.schemas import (
    CancelIn,
    ChangeIn,
    CouponIn,
    EstateQuery,
    PlanOut,
    PreviewIn,
    PreviewOut,
    SubscribeIn,
    SubscriptionOut,
    plan_out,
    preview_out,
    subscription_out,
)
from clustr.web.door import Request, json_answer, once_between, read
from clustr.web.openapi import WITHOUT_CLUSTER
from clustr.web.paging import Page, PageQuery, page_of_few

router = Router(tags=["Subscription"])
COLLECTIONS = {"card": Collection.STRIPE, "bank_transfer": Collection.BANK_TRANSFER}
PERSONAL: dict[str, Any] = {WITHOUT_CLUSTER: True}
_AS_IT_COMES = CancelIn()


@router.get("plans/", response=Page[PlanOut], auth=None, summary="Plans on offer")
def list_plans(request: HttpRequest, query: Query[PageQuery]) -> HttpResponse:
    """With their prices, features and limits, the cheapest first."""
    shown = page_of_few(
        as_anybody(request), query, lambda: in_tenant(PLATFORM_CLUSTER_ID, queries.offered_plans), out=plan_out
    )
    return json_answer(shown.model_dump_json())


@router.get("subscription/", response=SubscriptionOut, summary="My subscription", openapi_extra=PERSONAL)
def get_my_subscription(request: Request, query: Query[EstateQuery]) -> HttpResponse:
    """The one that runs, or else the one that ended last. Refuses with `subscription_not_found`."""
    as_customer(request)
    return read(request, lambda: _mine(request, query.cluster_id))


@router.put("subscription/", response=SubscriptionOut, summary="Change my plan", openapi_extra=PERSONAL)
def change_my_plan(request: Request, body: ChangeIn) -> HttpResponse:
    """A larger plan begins now and is prorated, a smaller one when the period ends. Refuses with `subscription_not_found`,
    `plan_not_found`, `same_plan`, `preview_too_old`, `subscription_ended`, `subscription_lapsed`,
    `subscription_incomplete`, `currency_not_offered`, `collection_not_offered`, `invoice_overdue`, `credit_exceeds_invoice`, `change_under_way`,
    `card_declined`, `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)
    return asking(
        request,
        body,
        200,
        lambda cause: commands.begin_change(
            actor=request.actor,
            subscription_id=_held(request, body.cluster_id).id,
            plan_id=queries.offered_plan_named(code=body.plan_id).id,
            interval=body.interval,
            at_period_end=None if body.when is None else body.when == "period_end",
            proration_date=body.proration_date,
            digest=body.digest,
            cause=cause,
            now=request.now,
        ),
        body.cluster_id,
    )


@router.post("preview-invoice/", response=PreviewOut, summary="What a change would cost", openapi_extra=PERSONAL)
def preview_change_of_plan(request: Request, body: PreviewIn) -> HttpResponse:
    """To the minor unit; nothing is changed. What the change itself comes to: of a larger plan now, of a smaller one the first
    invoice after this period, which tells what was used beyond the limits so far, and what waits at Stripe. Who has no
    subscription yet is told the first invoice (`currency` as in `subscribe/`), after the trial where there is one. Refuses with
    `subscription_not_found`, `plan_not_found`, `same_plan`, `subscription_ended`, `subscription_lapsed`,
    `currency_not_offered`, `invoice_overdue`, `credit_exceeds_invoice`, `busy`, `change_under_way`, `provider_unavailable`, `provider_silent`,
    `provider_would_not`."""
    as_customer(request)

    def look(subscription: CurrentRow | None) -> ChangePreview:
        plan_id = in_tenant(PLATFORM_CLUSTER_ID, lambda: queries.offered_plan_named(code=body.plan_id)).id
        if subscription is None:
            return commands.foresee_subscription(
                actor=request.actor,
                plan_id=plan_id,
                interval=body.interval,
                currency=body.currency,
                for_cluster_id=body.cluster_id,
                now=request.now,
            )
        return commands.foresee_change(
            actor=request.actor,
            subscription_id=subscription.id,
            plan_id=plan_id,
            interval=body.interval,
            at_period_end=None if body.when is None else body.when == "period_end",
            now=request.now,
        )

    return once_between(
        request,
        body,
        200,
        record=lambda _claim, _checked: _held_if_any(request, body.cluster_id),
        ask=look,
        shape=preview_out,
    )


@router.post("subscribe/", response={201: SubscriptionOut}, summary="Choose a plan", openapi_extra=PERSONAL)
def subscribe(request: Request, body: SubscribeIn) -> HttpResponse:
    """Begins with the plan's trial, once; else the first period is invoiced. By card the customer goes on at
    `checkout_url`, unless a saved one is named. Refuses with `plan_not_found`, `already_subscribed`,
    `currency_not_offered`, `collection_not_offered`, `coupon_not_valid`, `coupon_used`, `estate_not_yours`, `invoice_overdue`,
    `payment_method_not_found`, `change_under_way`, `card_declined`, `provider_unavailable`, `provider_silent`,
    `provider_would_not`."""
    as_customer(request)
    return asking(
        request,
        body,
        201,
        lambda cause: commands.begin_subscribing(
            actor=request.actor,
            plan_id=queries.offered_plan_named(code=body.plan_id).id,
            interval=body.interval,
            currency=body.currency,
            collection=_collection(body),
            method_id=body.payment_method_id or "",
            coupon=body.coupon,
            for_cluster_id=body.cluster_id,
            cause=cause,
            now=request.now,
        ),
        for_cluster_id=body.cluster_id,
    )


@router.post("cancel/", response=SubscriptionOut, summary="Cancel my subscription", openapi_extra=PERSONAL)
def cancel_my_subscription(request: Request, body: CancelIn = _AS_IT_COMES) -> HttpResponse:
    """When the period ends, or now. Refuses with `subscription_not_found`, `subscription_ended`, `change_under_way`,
    `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)
    return asking(
        request,
        body,
        200,
        lambda cause: commands.begin_cancelling(
            actor=request.actor,
            subscription_id=_held(request, body.cluster_id).id,
            at_period_end=body.at_period_end,
            reason=body.told,
            cause=cause,
            now=request.now,
        ),
        body.cluster_id,
    )


@router.post("reactivate/", response=SubscriptionOut, summary="Keep my subscription", openapi_extra=PERSONAL)
def reactivate_my_subscription(request: Request, query: Query[EstateQuery]) -> HttpResponse:
    """Takes back a cancellation or a change that waits for the end of the period. Refuses with `subscription_not_found`,
    `not_canceled`, `subscription_ended`, `change_under_way`, `provider_unavailable`, `provider_silent`,
    `provider_would_not`."""
    as_customer(request)
    return asking(
        request,
        query,
        200,
        lambda cause: commands.begin_reactivating(
            actor=request.actor,
            subscription_id=_held(request, query.cluster_id).id,
            cause=cause,
            now=request.now,
        ),
        query.cluster_id,
    )


@router.post("apply-coupon/", response=SubscriptionOut, summary="Use a coupon", openapi_extra=PERSONAL)
def use_coupon(request: Request, body: CouponIn) -> HttpResponse:
    """From the next invoice on. Refuses with `subscription_not_found`, `coupon_not_valid`, `coupon_used`,
    `subscription_ended`, `subscription_incomplete`, `change_under_way`, `provider_unavailable`, `provider_silent`,
    `provider_would_not`."""
    as_customer(request)
    return asking(
        request,
        body,
        200,
        lambda cause: commands.begin_coupon(
            actor=request.actor,
            subscription_id=_held(request, body.cluster_id).id,
            code=body.code,
            cause=cause,
            now=request.now,
        ),
        body.cluster_id,
    )


def _collection(body: SubscribeIn) -> Collection | None:
    if body.payment_method_id and body.collection is None:
        return Collection.STRIPE
    if body.payment_method_id and body.collection != "card":
        raise InvalidValue.of("payment_method_id", "not_offered", "A saved card is for what is paid by card.")
    return COLLECTIONS[body.collection] if body.collection else None


def asking(
    request: Request,
    body: BaseModel | None,
    status: int,
    begin: Callable[[UUID | None], CallRow | None],
    for_cluster_id: UUID | None = None,
) -> HttpResponse:
    """Decide in one transaction, ask Stripe outside any if there is something to ask, and answer how it stands then."""

    def ask(call: CallRow | None) -> None:
        if call is not None:
            commands.ask_stripe(cluster_id=request.actor.cluster_id, call_id=call.id, now=request.now)

    return once_between(
        request,
        body,
        status,
        record=lambda claim, _checked: begin(cause_of(claim)),
        ask=ask,
        shape=lambda _asked: _mine(request, for_cluster_id),
        at_once=lambda call: _mine(request, for_cluster_id) if call is None else None,
    )


def _held(request: Request, for_cluster_id: UUID | None) -> CurrentRow:
    return current_subscription(actor=request.actor, for_cluster_id=for_cluster_id)


def _mine(request: Request, for_cluster_id: UUID | None = None) -> SubscriptionOut:
    held = my_subscription(actor=request.actor, for_cluster_id=for_cluster_id, now=request.now)
    return subscription_out(held)


def _held_if_any(request: Request, for_cluster_id: UUID | None) -> CurrentRow | None:
    try:
        return _held(request, for_cluster_id)
    except SubscriptionNotFound:
        return None
