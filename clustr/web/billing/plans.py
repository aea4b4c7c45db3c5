"""`/api/v1/billing/`: the plans, and the subscription to one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.document_queries import current_subscription, my_subscription
from clustr.web.billing.customers import as_customer
from clustr.web.billing.schemas import (
    CancelIn,
    ChangeIn,
    CouponIn,
    PlansOut,
    PreviewIn,
    PreviewOut,
    SubscribeIn,
    SubscriptionOut,
    plan_out,
    preview_out,
    subscription_out,
)
from clustr.web.door import Request, json_answer, once, read
from clustr.web.openapi import WITHOUT_CLUSTER

router = Router(tags=["Subscription"])
PERSONAL: dict[str, Any] = {WITHOUT_CLUSTER: True}


@router.get("plans/", response=PlansOut, auth=None, summary="Plans on offer")
def list_plans(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """With their prices, features and limits, the cheapest first."""
    plans = in_tenant(PLATFORM_CLUSTER_ID, queries.offered_plans)
    return json_answer(PlansOut(results=[plan_out(plan) for plan in plans]).model_dump_json())


@router.get("subscription/", response=SubscriptionOut, summary="My subscription", openapi_extra=PERSONAL)
def get_my_subscription(request: Request) -> HttpResponse:
    """The one that runs, or else the one that ended last. Refuses with `subscription_not_found`."""
    as_customer(request)
    return read(request, lambda: _mine(request))


@router.put("subscription/", response=SubscriptionOut, summary="Change my plan", openapi_extra=PERSONAL)
def change_my_plan(request: Request, body: ChangeIn) -> HttpResponse:
    """A larger plan begins now and is prorated, a smaller one when the period ends. Refuses with `subscription_not_found`,
    `plan_not_found`, `same_plan`, `preview_too_old`, `subscription_ended`, `subscription_lapsed`, `currency_not_offered`."""
    as_customer(request)

    def work() -> SubscriptionOut:
        commands.change_plan(
            actor=request.actor,
            subscription_id=current_subscription(actor=request.actor).id,
            plan_id=queries.offered_plan_named(code=body.plan_id).id,
            interval=body.interval,
            at_period_end=None if body.when is None else body.when == "period_end",
            proration_date=body.proration_date,
            now=request.now,
        )
        return _mine(request)

    return once(request, body, 200, work)


@router.post("preview-invoice/", response=PreviewOut, summary="What a change would cost", openapi_extra=PERSONAL)
def preview_change_of_plan(request: Request, body: PreviewIn) -> HttpResponse:
    """To the minor unit; nothing is changed. Refuses with `subscription_not_found`, `plan_not_found`, `same_plan`,
    `subscription_ended`, `subscription_lapsed`, `currency_not_offered`, `busy`."""
    as_customer(request)

    def work() -> PreviewOut:
        preview = commands.preview_change(
            actor=request.actor,
            subscription_id=current_subscription(actor=request.actor).id,
            plan_id=queries.offered_plan_named(code=body.plan_id).id,
            interval=body.interval,
            now=request.now,
        )
        return preview_out(preview)

    return once(request, body, 200, work)


@router.post("subscribe/", response={201: SubscriptionOut}, summary="Choose a plan", openapi_extra=PERSONAL)
def subscribe(request: Request, body: SubscribeIn) -> HttpResponse:
    """Begins with the plan's trial, once; else the first period is invoiced, to be paid by bank transfer. Refuses with
    `plan_not_found`, `already_subscribed`, `currency_not_offered`, `coupon_not_valid`, `coupon_used`."""
    as_customer(request)

    def work() -> SubscriptionOut:
        commands.subscribe_user(
            actor=request.actor,
            plan_id=queries.offered_plan_named(code=body.plan_id).id,
            interval=body.interval,
            currency=body.currency,
            coupon=body.coupon,
            now=request.now,
        )
        return _mine(request)

    return once(request, body, 201, work)


@router.post("cancel/", response=SubscriptionOut, summary="Cancel my subscription", openapi_extra=PERSONAL)
def cancel_my_subscription(request: Request, body: CancelIn) -> HttpResponse:
    """When the period ends, or now. Refuses with `subscription_not_found`, `subscription_ended`."""
    as_customer(request)

    def work() -> SubscriptionOut:
        commands.cancel_subscription(
            actor=request.actor,
            subscription_id=current_subscription(actor=request.actor).id,
            at_period_end=body.at_period_end,
            reason=body.told,
            now=request.now,
        )
        return _mine(request)

    return once(request, body, 200, work)


@router.post("reactivate/", response=SubscriptionOut, summary="Keep my subscription", openapi_extra=PERSONAL)
def reactivate_my_subscription(request: Request) -> HttpResponse:
    """Takes back a cancellation or a change that waits for the end of the period. Refuses with `subscription_not_found`,
    `not_canceled`, `subscription_ended`."""
    as_customer(request)

    def work() -> SubscriptionOut:
        subscription = current_subscription(actor=request.actor)
        commands.reactivate_subscription(actor=request.actor, subscription_id=subscription.id, now=request.now)
        return _mine(request)

    return once(request, None, 200, work)


@router.post("apply-coupon/", response=SubscriptionOut, summary="Use a coupon", openapi_extra=PERSONAL)
def use_coupon(request: Request, body: CouponIn) -> HttpResponse:
    """From the next invoice on. Refuses with `subscription_not_found`, `coupon_not_valid`, `coupon_used`,
    `subscription_ended`."""
    as_customer(request)

    def work() -> SubscriptionOut:
        subscription = current_subscription(actor=request.actor)
        commands.apply_coupon(actor=request.actor, subscription_id=subscription.id, code=body.code, now=request.now)
        return _mine(request)

    return once(request, body, 200, work)


def _mine(request: Request) -> SubscriptionOut:
    return subscription_out(my_subscription(actor=request.actor))
