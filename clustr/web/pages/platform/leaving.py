"""Cancelling: why, what is offered instead, and then the end, when the period ends or now."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from clustr.subscriptions import commands, queries
from clustr.subscriptions.advice_queries import SaveOffer, save_offer
from clustr.subscriptions.types import CancelReason
from clustr.web.actors import Request
from clustr.web.billing import plans as api
from clustr.web.billing.schemas import CancelIn
from clustr.web.door import read_value
from clustr.web.pages.forms import attempt, go, typed
from clustr.web.pages.frame import Context, look
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page, plan_address
from clustr.web.pages.platform.whose import asked_estate, held_by, whose_plan


@customer_page(methods=("GET", "POST"))
def cancel(request: Request) -> HttpResponse:
    """/platform/cancel/: GET asks why; with `reason` it makes the offer that goes with it. POST cancels."""
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.cancel_my_subscription(request, _typed_end(request)))
        if tried.done and tried.answer:
            ended = tried.answer["ended_at"] is not None
            said = _("Ended.") if ended else _("Your plan ends with this period. Until then everything stays.")
            return go(request, plan_address(request), said=said)
    whose = whose_plan(request)
    held = read_value(request, lambda: held_by(request, whose))
    if held is None or (not tried and (held.subscription.ended_at or held.subscription.cancel_at_period_end)):
        return HttpResponseRedirect(plan_address(request))
    mine = held.subscription
    reason = _reason(request)

    def work() -> Context:
        offer: SaveOffer | None = None
        if reason is not None and mine.status != "incomplete":
            offer = save_offer(actor=request.actor, subscription_id=mine.id, reason=reason, now=request.now)
        return {
            "tried": tried,
            "held": held,
            "pending_name": queries.plan_names().get(held.pending_plan, "") if held.pending else "",
            "estate": mine.for_cluster_id or "",
            "reason": reason,
            "by_card": mine.collection == "stripe",
            "reasons": words.WHY_THEY_GO,
            "beyond": commands.foresee_end(actor=request.actor, subscription_id=mine.id).total if reason else None,
            "offer": offer if offer and (offer.coupon or offer.cheaper) else None,
            "lacks": words.features(offer.cheaper.lacks) if offer and offer.cheaper else "",
        }

    return look(request, "pages/platform/cancel.html", work, status=tried.status if tried else 200)


def _reason(request: Request) -> CancelReason | None:
    told = request.POST.get("reason_code") or request.GET.get("reason", "")
    return CancelReason(told) if told in set(CancelReason) else None


def _typed_end(request: Request) -> CancelIn:
    more: dict[str, Any] = typed(request, "reason")
    return CancelIn(
        at_period_end=request.POST.get("when") != "now",
        reason_code=_reason(request),
        cluster_id=asked_estate(request),
        **more,
    )
