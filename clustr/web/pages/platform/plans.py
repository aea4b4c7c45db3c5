"""A customer's plan: what they have, what there is, and changing, cancelling, keeping it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.subscriptions import commands, queries
from clustr.subscriptions.document_queries import (
    CurrentSubscription,
    current_subscription,
    my_invoices,
    my_subscription,
)
from clustr.subscriptions.policies import price_of
from clustr.subscriptions.queries import PlanRow
from clustr.subscriptions.refusals import CurrencyNotOffered, SubscriptionNotFound
from clustr.web.actors import Request
from clustr.web.billing import plans as api
from clustr.web.billing.schemas import CancelIn, ChangeIn, CouponIn, EstateQuery, SubscribeIn
from clustr.web.door import read_value
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.charts import part_of
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page
from clustr.web.refusals import PageNotFound

_INTERVALS = ("month", "year")
_LATEST = 3


@customer_page()
def home(request: Request) -> HttpResponse:
    """GET /platform/: the plan, usage against its limits, the latest invoices. Who has none is led to the plans."""
    if _mine(request) is None:
        if request.actor.may(queries.STAFF):
            return HttpResponseRedirect(reverse("platform:customers"))
        return HttpResponseRedirect(reverse("platform:plans"))
    return _home(request, None)


def _home(request: Request, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        held = my_subscription(actor=request.actor)
        return {
            "tried": tried,
            "held": held,
            "usage": [_meter(use) for use in held.usage],
            "invoices": my_invoices(actor=request.actor, before=None, limit=_LATEST),
            "ended": held.subscription.ended_at is not None,
        }

    return look(request, "pages/platform/home.html", work, status=tried.status if tried else 200)


def _meter(use: Any) -> dict[str, Any]:
    included = use.included
    return {
        "name": words.feature(use.feature),
        "used": f"{use.used.normalize():f}",
        "included": None if included is None else f"{included.normalize():f}",
        "beyond": f"{use.beyond.normalize():f}" if use.beyond else "",
        "charged": use.charged,
        "part": part_of(int(use.used * 1_000), int(included * 1_000)) if included else 0,
        "full": included is not None and use.used >= included,
    }


@customer_page()
def plans(request: Request) -> HttpResponse:
    """GET /platform/plans/: what there is, by month or year, in the currencies on offer."""

    def work() -> Context:
        offered = queries.offered_plans()
        currencies = sorted({plan.currency for plan in offered} | {code for plan in offered for code in plan.prices})
        held = _held(request)
        currency = held.subscription.currency if held and held.subscription.ended_at is None else ""
        currency = currency or _one_of(request, "currency", currencies, "NGN" if "NGN" in currencies else currencies[0])
        interval = _one_of(request, "interval", _INTERVALS, "month")
        return {
            "plans": [
                {"plan": plan, "price": price, "mine": bool(held and held.plan.code == plan.code)}
                for plan in offered
                if (price := _price(plan, interval, currency)) is not None
            ],
            "held": held,
            "interval": interval,
            "currency": currency,
            "currencies": currencies,
            "fixed": bool(held and held.subscription.ended_at is None),
        }

    return look(request, "pages/platform/plans.html", work)


def _price(plan: PlanRow, interval: str, currency: str) -> Any:
    try:
        return price_of(plan=plan, interval=interval, currency=currency)
    except CurrencyNotOffered:
        return None


def _one_of(request: Request, name: str, known: Any, default: str) -> str:
    asked = request.GET.get(name, "")
    return asked if asked in known else default


@customer_page(methods=("GET", "POST"))
def choose(request: Request, code: str) -> HttpResponse:
    """/platform/plans/{code}/: subscribe, or see to the minor unit what a change comes to and make it."""
    held = _mine(request)
    if held is not None and held.subscription.ended_at is None:
        return _change(request, code)
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.subscribe(request, _typed_subscription(request, code)))
        if tried.done:
            return go(request, "platform:home", said=_("Welcome. Your plan has begun."))

    def work() -> Context:
        plan = _plan(code)
        interval = request.POST.get("interval") or _one_of(request, "interval", _INTERVALS, "month")
        currency = request.POST.get("currency") or request.GET.get("currency") or plan.currency
        return {
            "tried": tried,
            "plan": plan,
            "interval": interval if interval in _INTERVALS else "month",
            "currency": currency,
            "price": _price(plan, interval if interval in _INTERVALS else "month", currency),
        }

    return look(request, "pages/platform/subscribe.html", work, status=tried.status if tried else 200)


def _typed_subscription(request: Request, code: str) -> SubscribeIn:
    return SubscribeIn(plan_id=code, **typed(request, "interval", "currency", "coupon"))


def _change(request: Request, code: str) -> HttpResponse:
    interval = request.POST.get("interval") or _one_of(request, "interval", _INTERVALS, "month")
    if request.method == "POST":
        tried = attempt(
            request,
            lambda: api.change_my_plan(
                request, ChangeIn(plan_id=code, interval=interval, **typed(request, "proration_date"))
            ),
        )
        if tried.done:
            waits = bool(tried.answer and tried.answer["pending_change"])
            said = _("Your plan changes when this period ends.") if waits else _("Your plan is changed.")
            return go(request, "platform:home", said=said)
        return _home(request, tried)
    return look(
        request,
        "pages/platform/change.html",
        lambda: {"plan": _plan(code), "interval": interval, "preview": _preview(request, code, interval)},
    )


def _preview(request: Request, code: str, interval: str) -> commands.ChangePreview:
    return commands.preview_change(
        actor=request.actor,
        subscription_id=current_subscription(actor=request.actor).id,
        plan_id=queries.offered_plan_named(code=code).id,
        interval=interval,
        now=request.now,
    )


def _plan(code: str) -> PlanRow:
    found = [plan for plan in queries.offered_plans() if plan.code == code]
    if not found:
        raise PageNotFound
    return found[0]


@customer_page(methods=("POST",))
def cancel(request: Request) -> HttpResponse:
    """POST /platform/cancel/: when the period ends, or now."""
    body = CancelIn(at_period_end=request.POST.get("when") != "now", **typed(request, "reason"))
    tried = attempt(request, lambda: api.cancel_my_subscription(request, body))
    if not tried.done:
        return _home(request, tried)
    said = _("Your plan ends with this period. Until then everything stays.") if body.at_period_end else _("Ended.")
    return go(request, "platform:home", said=said)


@customer_page(methods=("POST",))
def reactivate(request: Request) -> HttpResponse:
    """POST /platform/reactivate/: keep the plan after all."""
    tried = attempt(request, lambda: api.reactivate_my_subscription(request, EstateQuery()))
    return go(request, "platform:home", said=_("Your plan goes on.")) if tried.done else _home(request, tried)


@customer_page(methods=("POST",))
def coupon(request: Request) -> HttpResponse:
    """POST /platform/coupon/: from the next invoice on."""
    tried = attempt(request, lambda: api.use_coupon(request, CouponIn(**typed(request, "code"))))
    return go(request, "platform:home", said=_("The coupon counts.")) if tried.done else _home(request, tried)


def _mine(request: Request) -> CurrentSubscription | None:
    return read_value(request, lambda: _held(request))


def _held(request: Request) -> CurrentSubscription | None:
    try:
        return my_subscription(actor=request.actor)
    except SubscriptionNotFound:
        return None
