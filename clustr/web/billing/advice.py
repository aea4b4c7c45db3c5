"""`/api/v1/billing/`: which plan suits what I use, and what I am offered before I cancel."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.subscriptions.advice_queries import PlanCost, advise_plan, save_offer
from clustr.subscriptions.document_queries import current_subscription
from clustr.subscriptions.types import CancelReason
from clustr.web.billing.customers import as_customer
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import EstateQuery, Minor
from clustr.web.door import Request, read
from clustr.web.schemas import Out

router = Router(tags=["Subscription"])


class PlanCostOut(Out):
    """`cost`: for a period, with my own usage, net of tax and before coupons. `fits`: no limit would stop me. `lacks`:
    features that my plan has and this one has not."""

    plan_id: str
    name: str
    cost: Minor
    fits: bool
    lacks: list[str]


class AdviceOut(Out):
    """`best`: the cheapest that fits and costs less than mine; null where there is none."""

    interval: str
    currency: str
    present: PlanCostOut
    best: PlanCostOut | None
    options: list[PlanCostOut]
    usage: dict[str, str] = Field(description="What it rests on: the most in one of the last three periods.")


class OfferQuery(EstateQuery):
    reason: CancelReason = CancelReason.OTHER


class OfferOut(Out):
    """`coupon`: the code to send to `apply-coupon/`; empty where there is none."""

    cheaper: PlanCostOut | None
    coupon: str
    coupon_name: str


@router.get("plan-advice/", response=AdviceOut, summary="The plan that costs me least", openapi_extra=PERSONAL)
def advise_me(request: Request, query: Query[EstateQuery]) -> HttpResponse:
    """By what I used of late. Refuses with `subscription_not_found`."""
    as_customer(request)

    def work() -> AdviceOut:
        held = current_subscription(actor=request.actor, for_cluster_id=query.cluster_id)
        advice = advise_plan(actor=request.actor, subscription_id=held.id, now=request.now)
        return AdviceOut(
            interval=advice.interval,
            currency=held.currency,
            present=_cost_out(advice.present),
            best=_cost_out(advice.best) if advice.best else None,
            options=[_cost_out(option) for option in advice.options],
            usage={feature: f"{used.normalize():f}" for feature, used in advice.usage.items()},
        )

    return read(request, work)


@router.get("save-offer/", response=OfferOut, summary="Before I cancel", openapi_extra=PERSONAL)
def offer_to_stay(request: Request, query: Query[OfferQuery]) -> HttpResponse:
    """What I am offered, by why I want to go. Nothing is changed. Refuses with `subscription_not_found`."""
    as_customer(request)

    def work() -> OfferOut:
        held = current_subscription(actor=request.actor, for_cluster_id=query.cluster_id)
        offer = save_offer(actor=request.actor, subscription_id=held.id, reason=query.reason, now=request.now)
        cheaper = _cost_out(offer.cheaper) if offer.cheaper else None
        return OfferOut(cheaper=cheaper, coupon=offer.coupon, coupon_name=offer.coupon_name)

    return read(request, work)


def _cost_out(cost: PlanCost) -> PlanCostOut:
    return PlanCostOut(plan_id=cost.code, name=cost.name, cost=cost.cost.minor, fits=cost.fits, lacks=list(cost.lacks))
