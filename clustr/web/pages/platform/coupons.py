"""Coupons: what they take off, made and listed by the platform's staff, and the one that lowers a customer's invoices."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clustr.kit.errors import InvalidValue
from clustr.kit.money import DECIMALS, Money
from clustr.subscriptions import queries
from clustr.subscriptions.document_queries import CurrentSubscription
from clustr.subscriptions.staff_queries import CouponRow, coupons_of_platform
from clustr.subscriptions.types import Duration
from clustr.web.actors import Request
from clustr.web.billing import staff as api
from clustr.web.billing.staff_schemas import CouponMadeIn
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_day, typed_minor
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.platform.frame import customer_page
from clustr.web.pages.platform.searching import SoughtQuery
from clustr.web.paging import by_id, last_id


@customer_page(staff=True)
def coupons(request: Request) -> HttpResponse:
    """GET /platform/coupons/: every coupon, newest first, with how often it was used. For platform staff."""
    query = asked(request, SoughtQuery)

    def work() -> Context:
        rows = coupons_of_platform(actor=request.actor, q=query.q, before=last_id(request, query), limit=query.fetch)
        shown = listed(request, query, rows, key=lambda row: by_id(row.id))
        return {**shown, "rows": [_seen(row) for row in shown["rows"]], "query": query, "plans": queries.plan_names()}

    return look(request, "pages/platform/coupons.html", work, part="pages/platform/parts/coupons_rows.html")


@customer_page(methods=("GET", "POST"), staff=True)
def new_coupon(request: Request) -> HttpResponse:
    """/platform/coupons/new/: a share or an amount off, for one invoice, some months, or always. For platform staff."""
    tried = attempt(request, lambda: api.make_coupon(request, _typed(request))) if request.POST else None
    if tried is not None and tried.answer:
        return go(
            request, "platform:coupons", said=_("Made: %s. Whoever has the code can use it.") % tried.answer["code"]
        )
    if tried is not None and "percent" in tried.errors:
        tried.errors["amount"] = tried.errors.pop("percent")
        tried.problem = ""
    return _form(request, tried)


def _form(request: Request, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        offered = queries.offered_plans()
        currencies = sorted({plan.currency for plan in offered} | {code for plan in offered for code in plan.prices})
        return {
            "tried": tried,
            "code": request.POST.get("code", ""),
            "kinds": [("percent", _("A share, in per cent")), *((code, code) for code in currencies)],
            "durations": [
                (Duration.ONCE.value, _("The next invoice")),
                (Duration.REPEATING.value, _("Every invoice for some months")),
                (Duration.FOREVER.value, _("Every invoice")),
            ],
            "plans": [("", _("Any plan")), *((plan.code, plan.name) for plan in offered)],
        }

    return look(request, "pages/platform/new_coupon.html", work, status=tried.status if tried else 200)


def _typed(request: Request) -> CouponMadeIn:
    sent: dict[str, Any] = typed(request, "code", "name", "duration", "plan_id", "needs_verification")
    whole = {name: _whole(value) for name, value in typed(request, "duration_months", "max_redemptions").items()}
    kind = request.POST.get("kind", "")
    if kind == "percent":
        sent |= {"percent": _whole(request.POST.get("amount", "").strip())}
    elif kind not in DECIMALS:
        raise InvalidValue.of("kind", "unknown_choice", _("Choose one of these."))
    else:
        sent |= {"currency": kind} | typed_minor(request, "amount", kind)
    return CouponMadeIn(**sent, **whole, **typed_day(request, "expires_at", end=True))


def _whole(text: str) -> int | str:
    """A whole number as the API takes it; what is none is refused there."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else text


def coupon_of(held: CurrentSubscription) -> Context | None:
    """The coupon that lowers the next invoice of a plan."""
    if held.coupon is None:
        return None
    coupon, until = held.coupon.coupon, held.coupon.until
    said = _("until %s") % _day(until) if until and coupon.duration == Duration.REPEATING else how_long(coupon)
    return {"code": coupon.code, "name": coupon.name, "takes_off": takes_off(coupon), "how_long": said}


def takes_off(coupon: CouponRow) -> str:
    """What a coupon takes off: "20% off", "₦500.00 off"."""
    if coupon.amount_minor:
        return _("%s off") % Money(coupon.amount_minor, coupon.currency).with_sign()
    return _("%s%% off") % f"{coupon.basis_points / 100:g}"


def how_long(coupon: CouponRow) -> str:
    """Which invoices a coupon lowers."""
    if coupon.duration == Duration.ONCE:
        return _("the next invoice")
    if coupon.duration == Duration.FOREVER:
        return _("every invoice")
    months = coupon.duration_months or 0
    return ngettext("every invoice for %d month", "every invoice for %d months", months) % months


def _seen(coupon: CouponRow) -> Context:
    return {
        "code": coupon.code,
        "name": coupon.name,
        "takes_off": takes_off(coupon),
        "how_long": how_long(coupon),
        "plan": coupon.plan_code,
        "for_whom": coupon.needs_verification,
        "used": coupon.redeemed,
        "most": coupon.max_redemptions,
        "until": coupon.expires_at,
        "over": not coupon.is_active,
    }


def _day(at: Any) -> str:
    return date_format(timezone.localtime(at), "j F Y")
