"""What a customer used, against what is included: as meters, and day by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clustr.kit.money import DECIMALS, SIGNS, Money
from clustr.subscriptions.catalogue import PackTerms
from clustr.subscriptions.document_queries import CurrentRow
from clustr.subscriptions.queries import PlanRow
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.subscriptions.types import LEVELS, WARN_AT, FeatureType
from clustr.subscriptions.usage_queries import (
    FeatureUse,
    UsageOfDay,
    calculate_overage,
    generate_usage_report,
    packs_on_offer,
)
from clustr.web.actors import Request
from clustr.web.billing import packs as api
from clustr.web.billing.packs import BuyPackIn
from clustr.web.door import read_value
from clustr.web.pages.confirming import Shown, ask_first
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.charts import HEIGHT, WIDTH, part_of
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page, plan_address
from clustr.web.pages.platform.whose import Whose, asked_estate, held_by, whose_plan
from clustr.web.refusals import PageNotFound

_MOST_DAYS = 31


@customer_page()
def usage(request: Request) -> HttpResponse:
    """GET /platform/usage/: each feature against its limit, what goes beyond and costs, packs, and the period day by day. Who
    has no plan is led to the plans."""
    try:
        return _show(request, None)
    except SubscriptionNotFound:
        return HttpResponseRedirect(plan_address(request, "platform:plans"))


@customer_page(methods=("POST",))
def buy(request: Request) -> HttpResponse:
    """POST /platform/usage/buy/: units in advance, from the card in use, after that was shown; or on to Stripe's page, where
    the bank asks."""
    estate, whose = asked_estate(request), whose_plan(request)

    def body() -> BuyPackIn:
        return BuyPackIn(cluster_id=estate, **typed(request, "pack_id"))

    asked = ask_first(
        request,
        parse=lambda: read_value(request, lambda: _pack_shown(request, whose, body())),
        shown=lambda: _pack_shown(request, whose, body()),
        form=lambda tried: _show(request, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.buy_units(request, body()))
    if not tried.answer:
        return _show(request, tried)
    if tried.answer["checkout_url"]:
        return render(request, "pages/platform/onward.html", {"url": tried.answer["checkout_url"]})
    return go(
        request,
        plan_address(request, "platform:usage"),
        said=_("Paid. The units stand here at once, or in a few minutes."),
    )


def _pack_shown(request: Request, whose: Whose, body: BuyPackIn) -> Shown:
    held = held_by(request, whose)
    if held is None:
        raise PageNotFound
    mine = held.subscription
    offered = packs_on_offer(actor=request.actor, subscription_id=mine.id)
    pack = next((_pack(each, mine.currency) for each in offered if each.code == body.pack_id), None)
    if pack is None:
        raise PageNotFound
    return Shown(
        title=_("From your card in use"),
        amount=pack["price"],
        lines=[
            (_("You get"), f"{pack['units']} {pack['name']}"),
            (_("Tax"), _("comes on top, as on your invoices")),
            (_("Good until"), date_format(timezone.localtime(mine.current_period_end), "j F Y")),
        ],
        button=_("Buy"),
        icon="credit-card",
    )


def _show(request: Request, tried: Attempt | None) -> HttpResponse:
    whose = whose_plan(request)

    def work() -> Context:
        held = held_by(request, whose)
        if held is None:
            raise SubscriptionNotFound
        mine = held.subscription
        since = mine.current_period_start
        days = list(generate_usage_report(actor=request.actor, subscription_id=mine.id, since=since, until=request.now))
        costs = calculate_overage(actor=request.actor, subscription_id=mine.id)
        return {
            "held": held,
            "whose": whose,
            "for_estate": whose.name_of(mine.for_cluster_id),
            "estate": mine.for_cluster_id or "",
            "mine_alone": mine.for_cluster_id is None,
            "settled": _settled(mine),
            "usage": meters_of(held.usage, costs),
            "tried": tried,
            "packs": [
                _pack(pack, mine.currency) for pack in packs_on_offer(actor=request.actor, subscription_id=mine.id)
            ],
            "days": _by_feature(days, _shown(since, mine.current_period_end, request.now)),
        }

    status = tried.status if tried else 200
    return look(request, "pages/platform/usage.html", work, status=status, at=reverse("platform:usage"))


def _settled(mine: CurrentRow) -> Money | None:
    """What changes of plan settled of usage and the next invoice charges, before tax."""
    owed = sum(int(one["amount"]) for one in mine.usage_owed)
    return Money(owed, mine.currency) if owed else None


def _pack(pack: PackTerms, currency: str) -> dict[str, Any]:
    name = words.feature(pack.feature)
    return {
        "id": pack.code,
        "name": name,
        "units": units(Decimal(pack.units)),
        "price": Money(pack.prices[currency], currency),
    }


def included_in(plan: PlanRow, currency: str) -> list[dict[str, Any]]:
    """For templates: what a plan includes of each feature that is counted (`units`, None without limit), and what a unit beyond
    costs; "" where it ends there."""
    found = []
    for feature in [each for each in FeatureType if each.value in plan.limits]:
        limit, beyond = plan.limits[feature.value], plan.overage.get(feature.value, {}).get(currency)
        found.append(
            {
                "name": words.feature(feature),
                "units": None if limit is None else units(Decimal(limit)),
                "beyond": unit_price(Decimal(beyond), currency) if beyond else "",
                "goes_on": feature is FeatureType.MESSAGES,
            }
        )
    return found


def unit_price(minor: Decimal, currency: str) -> str:
    """What one unit costs, which may be less than the smallest coin: "$0.005"."""
    digits = DECIMALS[currency]
    price = minor.scaleb(-digits).normalize()
    exponent = price.as_tuple().exponent
    places = max(digits, -exponent if isinstance(exponent, int) else 0)
    return f"{SIGNS.get(currency, f'{currency} ')}{price:,.{places}f}"


def meters_of(uses: Iterable[FeatureUse], costs: dict[Any, Any] | None = None) -> list[dict[str, Any]]:
    """For templates: how full each feature is. `limit`: by the plan; `share`: what the period has of it, where the plan changed
    within it; `packs`: bought in advance. `alert`: per cent of the limit that was passed, as customers are warned."""
    return [_meter(use, (costs or {}).get(use.feature)) for use in uses]


def _meter(use: FeatureUse, cost: Any) -> dict[str, Any]:
    included = use.included
    part = part_of(int(use.used * 1_000), int(included * 1_000)) if included else 0
    share = included - use.packs if included is not None else None
    passed = [percent for percent in WARN_AT if included is not None and use.used * 100 >= included * percent]
    return {
        "name": words.feature(use.feature),
        "used": units(use.used),
        "included": None if included is None else units(included),
        "limit": None if use.limit is None else units(use.limit),
        "packs": units(use.packs) if use.packs and included is not None else "",
        "share": units(share) if share is not None and share != use.limit else "",
        "left": None if included is None else units(max(included - use.used, Decimal(0))),
        "beyond": units(use.beyond) if use.beyond else "",
        "charged": use.charged,
        "sold": use.sold,
        "cost": cost,
        "part": part,
        "level": use.level,
        "alert": max(passed, default=0) if use.used else 0,
        "full": included is not None and use.used >= included,
    }


def units(amount: Decimal) -> str:
    """Units as people read them: 1,250 or 0.5."""
    return f"{amount.normalize():,f}"


def _shown(start: datetime, end: datetime, now: datetime) -> list[date]:
    """The days of a period; of a longer one the last month up to today."""
    first, last, today = (timezone.localtime(at).date() for at in (start, end, now))
    if (last - first).days >= _MOST_DAYS:
        last = max(min(today, last), first + timedelta(days=_MOST_DAYS - 1))
        first = last - timedelta(days=_MOST_DAYS - 1)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _by_feature(days: list[UsageOfDay], shown: list[date]) -> list[dict[str, Any]]:
    """Bars by day of each feature that was counted. What is a level has none."""
    found = []
    for feature in sorted({day.feature for day in days if day.feature not in LEVELS}):
        amounts = {day.day: day.amount for day in days if day.feature == feature}
        highest = max(amounts.values())
        slot = WIDTH // len(shown)
        bars: list[dict[str, Any]] = []
        for place, day in enumerate(shown):
            amount = amounts.get(day.isoformat(), Decimal(0))
            height = max(2, int(amount * HEIGHT / highest)) if amount > 0 and highest > 0 else 0
            bars.append(
                {
                    "at": place * slot + slot // 8,
                    "width": slot - slot // 4,
                    "top": HEIGHT - height,
                    "height": height,
                    "day": day,
                    "amount": units(amount),
                }
            )
        total = sum(amounts.values(), Decimal(0))
        found.append({"name": words.feature(feature), "bars": bars, "highest": units(highest), "total": units(total)})
    return found
