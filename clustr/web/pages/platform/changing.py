"""Another plan: what the change comes to, to the minor unit, and the change itself, which charges exactly that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.subscriptions import queries
from clustr.subscriptions.document_queries import CurrentSubscription
from clustr.subscriptions.refusals import (
    ChangeUnderWay,
    CreditExceedsInvoice,
    CurrencyNotOffered,
    InvoiceOverdue,
    PreviewTooOld,
    SamePlan,
)
from clustr.web.actors import Request
from clustr.web.billing import plans as api
from clustr.web.billing.schemas import ChangeIn, PreviewIn
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look
from clustr.web.pages.platform.frame import plan_address
from clustr.web.pages.platform.whose import asked_estate
from clustr.web.pages.words import said_of

ShowHome = Callable[[Request, Attempt | None], HttpResponse]


def change_plan(request: Request, code: str, held: CurrentSubscription, show_home: ShowHome) -> HttpResponse:
    """The preview of a change (GET), and the change (POST)."""
    interval = request.POST.get("interval") or request.GET.get("interval", "")
    interval = interval if interval in ("month", "year") else "month"
    if request.method == "POST":
        return _make(request, code, interval, show_home)
    estate = held.subscription.for_cluster_id

    def preview(when: Literal["now"] | None) -> dict[str, Any]:
        asked = PreviewIn(plan_id=code, interval=interval, when=when, cluster_id=estate)
        return _read(json.loads(api.preview_change_of_plan(request, asked).content))

    try:
        shown = preview(None)
        at_once, not_now = shown, ""
        if shown["at_period_end"]:
            at_once, not_now = _now_too(lambda: preview("now"))
    except SamePlan:
        return HttpResponseRedirect(plan_address(request))
    except Refusal as refusal:
        return show_home(request, Attempt(problem=said_of(refusal), code=refusal.code, status=409))
    context = {"preview": shown, "at_once": at_once, "not_now": not_now}
    return look(request, "pages/platform/change.html", lambda: context | _context(request, code, interval, held))


def _now_too(preview: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What a change that waits would come to now, or why it cannot be made in this moment."""
    try:
        return preview(), ""
    except (ChangeUnderWay, CreditExceedsInvoice, InvoiceOverdue) as refusal:
        return {}, said_of(refusal)


def _read(told: dict[str, Any]) -> dict[str, Any]:
    """What the API answered, its amounts as money."""
    currency = told["currency"]
    lines = [{"description": line["description"], "amount": Money(line["amount"], currency)} for line in told["lines"]]
    names = ("subtotal", "discount_amount", "tax_amount", "total", "amount_due", "with_next_invoice")
    sums = {name: Money(told[name], currency) for name in names}
    credit = 0 if told["is_credit_note"] else told["total"] - told["amount_due"]
    return told | sums | {"lines": lines, "credit": Money(max(credit, 0), currency)}


def _context(request: Request, code: str, interval: str, held: CurrentSubscription) -> Context:
    plan, mine = queries.offered_plan_named(code=code), held.subscription
    try:
        price = queries.agreed_price(
            user_id=mine.user_id, plan=plan, interval=interval, currency=mine.currency, now=request.now
        )
    except CurrencyNotOffered:
        price = None
    return {
        "plan": plan,
        "held": held,
        "price": price,
        "interval": interval,
        "in_trial": mine.status == "trialing",
        "estate": mine.for_cluster_id or "",
    }


def _make(request: Request, code: str, interval: str, show_home: ShowHome) -> HttpResponse:
    def body() -> ChangeIn:
        more = typed(request, "proration_date", "digest", "when")
        return ChangeIn(plan_id=code, interval=interval, cluster_id=asked_estate(request), **more)

    tried = attempt(request, lambda: api.change_my_plan(request, body()))
    if tried.code == PreviewTooOld.code:  # what it comes to now is shown, and that it is another
        return go(request, request.get_full_path(), wrong=tried.problem)
    if not tried.done:
        return show_home(request, tried)
    answer = tried.answer or {}
    if answer["pending_change"]:
        return go(request, plan_address(request), said=_("Your plan changes when this period ends."))
    if answer["checkout_url"]:
        wrong = _("Your plan is changed, but the payment did not go through. See below how to finish it.")
        return go(request, plan_address(request), wrong=wrong)
    return go(request, plan_address(request), said=_("Your plan is changed."))
