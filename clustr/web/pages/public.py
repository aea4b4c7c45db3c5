"""The few pages that anybody may open: is this receipt genuine, and where a payer's browser comes back to."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.formats import date_format
from django.views.decorators.http import require_safe

from clustr.audit import commands as audit
from clustr.audit.types import Bucket
from clustr.kit.errors import Refusal
from clustr.kit.networks import network_of
from clustr.payments.states import TransactionStatus
from clustr.settlement import commands
from clustr.settlement.queries import Returned, check_receipt, returned_payment
from clustr.settlement.refusals import ReceiptNotFound
from clustr.web.actors import Request

_CHECKS_PER_MINUTE, _CHECKS_AT_ONCE = 60, 30
_OF_A_CODE, _LONGEST_CODE = re.compile("[0-9A-Za-z-]+"), 40
_LOOKS_PER_MINUTE, _LOOKS_AT_ONCE = 6, 3
_ARRIVED = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
_UNDECIDED = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)
_KEEPS_LOOKING_FOR = timedelta(minutes=30)


@require_safe
def verify_receipt(request: Request, code: str) -> HttpResponse:
    """GET /verify/{code}: a receipt's amount, day and estate, and nothing else; 404 for a code that is none."""
    if audit.take_turn(Bucket(f"verify:{network_of(request.origin.ip)}", _CHECKS_PER_MINUTE, _CHECKS_AT_ONCE)) > 0:
        return _page(request, "web/receipt.html", {"busy": True}, status=429)
    try:
        found = check_receipt(code=code)
    except ReceiptNotFound:
        return _page(request, "web/receipt.html", {"nothing": True, "typed": code[:_LONGEST_CODE]}, status=404)
    shown = {
        "estate": found.estate,
        "amount": found.amount.with_sign(),
        "refunded": found.refunded.with_sign() if found.refunded.minor else "",
        "day": date_format(found.day, "d F Y"),
    }
    return _page(request, "web/receipt.html", {"found": shown})


@require_safe
def find_receipt(request: Request) -> HttpResponse:
    """GET /verify/?code=: for whoever has the receipt on paper and types its code. Goes on to its own address."""
    typed = request.GET.get("code", "").strip()
    code = "".join(_OF_A_CODE.findall(typed))
    if code:
        return HttpResponseRedirect(f"/verify/{code[:_LONGEST_CODE]}")
    return _page(request, "web/receipt.html", {"nothing": bool(typed)}, status=404 if typed else 200)


@require_safe
def return_from_payment(request: Request, reference: str) -> HttpResponse:
    """GET /pay/return/{reference}/: where a provider sends the payer's browser. What the address says besides is not
    believed: the provider is asked, also after a decline, since the payer may have tried again on its page. Goes on to the
    callback address, if the payer's program gave one."""
    found = returned_payment(reference=reference)
    if found is None:
        return _page(request, "web/returned.html", {"status": ""}, status=404)
    turn = Bucket(f"return:{found.reference}", _LOOKS_PER_MINUTE, _LOOKS_AT_ONCE)
    if found.status not in _ARRIVED and audit.take_turn(turn) <= 0:
        found = _look_again(request, found)
    if found.callback_url:
        return HttpResponseRedirect(_onward(found))
    shown: dict[str, object] = {
        "status": found.status.value,
        "estate": found.estate,
        "looks_again": found.status in _UNDECIDED and request.now - found.started_at < _KEEPS_LOOKING_FOR,
    }
    return _page(request, "web/returned.html", shown)


def _look_again(request: Request, found: Returned) -> Returned:
    try:
        commands.confirm_payment(
            cluster_id=found.place.cluster_id, transaction_id=found.place.transaction_id, now=request.now
        )
    except Refusal:
        return found  # busy, or not to be had now: the sweep asks later
    return returned_payment(reference=found.reference) or found


def _onward(found: Returned) -> str:
    joined = "&" if urlsplit(found.callback_url).query else "?"
    return found.callback_url + joined + urlencode({"reference": found.reference, "status": found.status.value})


def _page(request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    answer = render(request, template, context, status=status)
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    return answer
