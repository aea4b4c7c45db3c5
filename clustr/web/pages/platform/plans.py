"""A customer's plan: what they have, what there is, and beginning, changing, keeping it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.subscriptions import commands, queries
from clustr.subscriptions.advice_queries import PlanAdvice, advise_plan
from clustr.subscriptions.countries import country_name
from clustr.subscriptions.document_queries import CurrentSubscription, PlanOf, my_invoices
from clustr.subscriptions.policies import rank_of
from clustr.subscriptions.pricing import tax_on
from clustr.subscriptions.queries import PlanRow
from clustr.subscriptions.refusals import CurrencyNotOffered, SubscriptionNotFound
from clustr.subscriptions.states import Collection, SubscriptionStatus
from clustr.subscriptions.types import MethodRow
from clustr.subscriptions.vendors.registry import stripe_is_on
from clustr.web.actors import Request
from clustr.web.billing import plans as api
from clustr.web.billing.schemas import CouponIn, EstateQuery, SubscribeIn
from clustr.web.door import read_value
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look
from clustr.web.pages.platform import words
from clustr.web.pages.platform.changing import change_plan
from clustr.web.pages.platform.coupons import coupon_of
from clustr.web.pages.platform.frame import customer_page, plan_address
from clustr.web.pages.platform.metering import included_in, meters_of
from clustr.web.pages.platform.whose import asked_estate, held_by, whose_plan
from clustr.web.refusals import PageNotFound

_INTERVALS = ("month", "year")
_LATEST = 3


@customer_page()
def home(request: Request) -> HttpResponse:
    """GET /platform/: the plan, what is to be done about it, usage, the latest invoices. Who has none is led to the plans."""
    try:
        return show_home(request, None)
    except SubscriptionNotFound:
        if request.actor.may(queries.STAFF):
            return HttpResponseRedirect(reverse("platform:customers"))
        return HttpResponseRedirect(plan_address(request, "platform:plans"))


def show_home(request: Request, tried: Attempt | None) -> HttpResponse:
    """The page of a plan, with what a form of it came to. Refuses `SubscriptionNotFound`."""
    whose = whose_plan(request)

    def work() -> Context:
        held = held_by(request, whose)
        if held is None:
            raise SubscriptionNotFound
        return {
            "tried": tried,
            "held": held,
            "pending_name": queries.plan_names().get(held.pending_plan, "") if held.pending else "",
            "whose": whose,
            "for_estate": whose.name_of(held.subscription.for_cluster_id),
            "usage": meters_of(held.usage),
            "invoices": my_invoices(
                actor=request.actor, before=None, limit=_LATEST, of=PlanOf(held.subscription.for_cluster_id)
            ),
            "ended": held.subscription.ended_at is not None,
            "advice": _advice(request, held),
            "with_trial": held.plan.trial_days
            and not queries.had_trial(
                user_id=held.subscription.user_id, for_cluster_id=held.subscription.for_cluster_id
            ),
            "coupon": coupon_of(held),
            "by_card": held.subscription.collection == "stripe",
            "cards_are_on": stripe_is_on(),
        }

    status = tried.status if tried else 200
    return look(request, "pages/platform/home.html", work, status=status, at=reverse("platform:home"))


def _advice(request: Request, held: CurrentSubscription) -> PlanAdvice | None:
    """Which plan would cost less, where one would: of a plan that runs on, costs something, owes nothing, and was used."""
    mine = held.subscription
    runs = mine.status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING) and not mine.cancel_at_period_end
    if not runs or held.pending or not mine.price_minor or not any(use.used for use in held.usage):
        return None
    advice = advise_plan(actor=request.actor, subscription_id=held.subscription.id, now=request.now)
    return advice if advice.best else None


@customer_page()
def plans(request: Request) -> HttpResponse:
    """GET /platform/plans/: what there is, by month or year, in the currencies on offer; for oneself or for an estate."""
    whose = whose_plan(request)

    def work() -> Context:
        offered = queries.offered_plans()
        currencies = sorted({plan.currency for plan in offered} | {code for plan in offered for code in plan.prices})
        held = held_by(request, whose)
        runs = held is not None and held.subscription.ended_at is None
        owes = held is not None and runs and held.owes
        usual = whose.currency_among(currencies)
        currency = (held.subscription.currency if held and runs else "") or _one_of(
            request, "currency", currencies, usual
        )
        interval = _one_of(request, "interval", _INTERVALS, "month")
        return {
            "plans": [
                {
                    "plan": plan,
                    "price": price,
                    "mine": bool(held and held.plan.code == plan.code),
                    "included": included_in(plan, currency),
                    "abilities": words.abilities(plan.features),
                    "tax": taxed(request, price),
                    "stands": _stands(plan, price, interval, held) if held is not None and runs else "",
                }
                for plan in offered
                if (price := _price(request, plan, interval, currency)) is not None
            ],
            "held": held,
            "whose": whose,
            "interval": interval,
            "currency": currency,
            "currencies": currencies,
            "fixed": runs,
            "waits": _waits(held),
            "owes": owes,
            "lapsed": held is not None and held.subscription.status == SubscriptionStatus.UNPAID,
            "estate": whose.named,
        }

    return look(request, "pages/platform/plans.html", work)


def _price(request: Request, plan: PlanRow, interval: str, currency: str) -> Any:
    """What a plan costs whoever asks: as agreed with them, or as it says."""
    try:
        return queries.agreed_price(
            user_id=request.actor.member_id, plan=plan, interval=interval, currency=currency, now=request.now
        )
    except CurrencyNotOffered:
        return None


def _stands(plan: PlanRow, price: Money, interval: str, held: CurrentSubscription) -> str:
    """How a plan stands to the one that is held, which runs: `mine`, `later` (it waits already), `settle_first`, `keep_first` (that one
    is cancelled), `cancel_first`; empty where it can be chosen."""
    mine, pending = held.subscription, held.pending
    if plan.code == held.plan.code and interval == mine.interval:
        return "mine"
    if pending is not None and (held.pending_plan, pending.interval) == (plan.code, interval):
        return "later"
    lapsed, smaller = mine.status == SubscriptionStatus.UNPAID, _is_smaller(plan, interval, held)
    if lapsed or (held.owes and not smaller):
        return "settle_first"
    if mine.collection == Collection.STRIPE and not price.minor:
        return "cancel_first"
    return "keep_first" if smaller and mine.cancel_at_period_end else ""


def _is_smaller(plan: PlanRow, interval: str, held: CurrentSubscription) -> bool:
    """Whether it is smaller than what is held, by the rule of the commands."""
    mine, currency = held.subscription, held.subscription.currency
    before = rank_of(plan=held.plan, interval=mine.interval, currency=currency)
    return rank_of(plan=plan, interval=interval, currency=currency) < before


def taxed(request: Request, price: Money) -> Context:
    """For templates: the tax of whose invoices these are, by the country of their billing address, and the price with it."""
    rate, country = queries.tax_terms_of(user_id=request.actor.member_id)
    return {
        "basis_points": rate,
        "rate": f"{Decimal(rate) / 100:f}".rstrip("0").rstrip("."),
        "country": country_name(country),
        "all": price + tax_on(net=price, basis_points=rate),
    }


def _one_of(request: Request, name: str, known: Any, default: str) -> str:
    asked = request.POST.get(name) or request.GET.get(name, "")
    return asked if asked in known else default


@customer_page(methods=("GET", "POST"))
def choose(request: Request, code: str) -> HttpResponse:
    """/platform/plans/{code}/: subscribe, by card on Stripe's page or by bank transfer; or, for who has a plan, see to the
    minor unit what a change comes to and make it."""
    whose = whose_plan(request)
    held = read_value(request, lambda: held_by(request, whose))
    if _waits(held):
        said = _("A plan waits on Stripe's page. Finish it there, or give it up; then you can choose another.")
        return go(request, plan_address(request), wrong=said)
    if held is not None and held.subscription.ended_at is None and not _begins(held, request, code):
        return change_plan(request, code, held, show_home)
    tried = None
    if request.method == "POST":
        if held is not None and held.subscription.ended_at is None and request.POST.get("means") == "bank_transfer":
            return HttpResponseRedirect(_by_transfer(request))
        tried = attempt(request, lambda: api.subscribe(request, _typed_subscription(request, code)))
        if tried.done:
            return _begun(request, tried)
    cards, plan = saved_cards(request), read_value(request, lambda: _plan(code))

    def work() -> Context:
        interval = _one_of(request, "interval", _INTERVALS, "month")
        currency = request.POST.get("currency") or request.GET.get("currency") or plan.currency
        price = _price(request, plan, interval, currency)
        return {
            "tried": tried,
            "plan": plan,
            "included": included_in(plan, currency),
            "abilities": words.abilities(plan.features),
            "tax": taxed(request, price) if price else None,
            "whose": whose,
            "for_estate": whose.name_of(whose.cluster_id),
            "interval": interval,
            "currency": currency,
            "price": price,
            "cards": cards,
            "cards_are_on": stripe_is_on(),
            "means": request.POST.get("means", "card" if stripe_is_on() else "bank_transfer"),
            "had_trial": queries.had_trial(user_id=request.actor.member_id, for_cluster_id=whose.cluster_id),
        }

    return look(request, "pages/platform/subscribe.html", work, status=tried.status if tried else 200)


def _waits(held: CurrentSubscription | None) -> bool:
    """Whether a plan was chosen whose first payment waits on Stripe's page, so that no other can be."""
    return (
        held is not None
        and held.subscription.status == SubscriptionStatus.INCOMPLETE
        and held.subscription.collection == Collection.STRIPE
    )


def _begins(held: CurrentSubscription, request: Request, code: str) -> bool:
    """Whether who has a free plan may begin one that costs something by card: on Stripe's page, not as a change. Paid by
    transfer it is a change."""
    free = not held.subscription.price_minor and held.subscription.collection == "none"
    return free and stripe_is_on() and code != held.plan.code and request.GET.get("by") != "bank_transfer"


def _by_transfer(request: Request) -> str:
    """Where who has a free plan sees what another one comes to by transfer."""
    named = {name: request.POST.get(name, "") for name in ("interval", "estate")}
    return f"{request.path}?{urlencode(named | {'by': 'bank_transfer'})}"


def saved_cards(request: Request) -> list[MethodRow]:
    """The cards of who asks, to choose from; none where Stripe does not answer: a new one can be given on its page."""
    try:
        return commands.my_methods(actor=request.actor)
    except Refusal:
        return []


def _typed_subscription(request: Request, code: str) -> SubscribeIn:
    """By bank transfer, by card on Stripe's page, or by a saved card."""
    means = request.POST.get("means", "")
    saved = {"payment_method_id": means} if means.startswith("pm_") else {}
    return SubscribeIn(
        plan_id=code,
        collection="card" if means == "card" or saved else "bank_transfer",
        cluster_id=asked_estate(request),
        **saved,
        **typed(request, "interval", "currency", "coupon"),
    )


def _begun(request: Request, tried: Attempt) -> HttpResponse:
    answer = tried.answer or {}
    if answer.get("checkout_url"):
        return onward(request, answer["checkout_url"])
    said = _("Welcome. Your plan has begun.")
    if answer.get("status") == "trialing":
        said = _("Welcome. Your plan has begun. The trial costs nothing.")
    return go(request, plan_address(request), said=said)


def onward(request: Request, url: str) -> HttpResponse:
    """On to Stripe's page, by a page of ours with a link, since a form may lead to no other site."""
    return render(request, "pages/platform/onward.html", {"url": url})


def _plan(code: str) -> PlanRow:
    found = [plan for plan in queries.offered_plans() if plan.code == code]
    if not found:
        raise PageNotFound
    return found[0]


@customer_page(methods=("GET", "POST"))
def reactivate(request: Request) -> HttpResponse:
    """POST /platform/reactivate/: keep the plan after all. GET, as a reload in the address bar asks, leads to the plan."""
    if request.method != "POST":
        return HttpResponseRedirect(plan_address(request))
    query = EstateQuery(cluster_id=asked_estate(request))
    tried = attempt(request, lambda: api.reactivate_my_subscription(request, query))
    if not tried.done:
        return show_home(request, tried)
    return go(request, plan_address(request), said=_("Your plan goes on."))


@customer_page(methods=("GET", "POST"))
def coupon(request: Request) -> HttpResponse:
    """POST /platform/coupon/: from the next invoice on. GET leads to the plan."""
    if request.method != "POST":
        return HttpResponseRedirect(plan_address(request))

    def body() -> CouponIn:
        return CouponIn(cluster_id=asked_estate(request), **typed(request, "code"))

    tried = attempt(request, lambda: api.use_coupon(request, body()))
    if not tried.done:
        return show_home(request, tried)
    return go(request, plan_address(request), said=_("The coupon counts, from your next invoice on."))
