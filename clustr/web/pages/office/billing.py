"""Issuing, changing and cancelling bills: each shows first whom it reaches and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clustr.bills.member_accounts import account_of_member
from clustr.bills.office_queries import bill_of_cluster
from clustr.bills.previews import BillPreview, members_after_change, preview_bills
from clustr.bills.types import ManagedBillView, NewBill
from clustr.clusters.types import Member
from clustr.kit.errors import Refusal
from clustr.kit.ids import parse_id
from clustr.kit.money import Money
from clustr.web.actors import Request
from clustr.web.door import json_answer, read_value
from clustr.web.management import bills as api
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount, typed_day
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.schemas import to_money


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of a bill would do, for whoever decides on it. `lowered`: what some members were
    spared of it, which stays so. `blocked`: members have paid under the present terms."""

    bill: ManagedBillView
    terms: tuple[tuple[str, str, str], ...]
    members: int
    amount: Money
    total: Money
    lowered: Money
    asked_again: int
    blocked: bool


@page("office", methods=("GET", "POST"))
def new_bill(request: Request) -> HttpResponse:
    """/office/bills/new/: a form of seven fields; what was typed is shown with whom it reaches and the total, and issued
    when that is confirmed. `?member=` bills one member. Needs ManageBill."""
    request.actor.require("ManageBill")
    if request.method == "GET":
        return _new_bill_page(request, None)
    if request.POST.get("step") != "issue":
        return _preview(request)
    tried = attempt(request, lambda: api.create_bill(request, _typed_bill(request)))
    if not tried.done or tried.answer is None:
        return _new_bill_page(request, tried)
    said = _("The bill is issued, and its member is being told.")
    if tried.answer["is_cluster_wide"]:
        count = tried.answer["members_billed"]
        said = ngettext("Issued to %s resident.", "Issued to %s residents.", count) % f"{count:,}"
    return go(request, "office:bill", tried.answer["id"], said=said)


def _preview(request: Request) -> HttpResponse:
    found: dict[str, Any] = {}

    def send() -> HttpResponse:
        new = _typed_bill(request).as_new(request.actor)
        found["new"] = new
        found["preview"] = read_value(request, lambda: preview_bills(actor=request.actor, bills=[new], now=request.now))
        return json_answer("{}")

    tried = attempt(request, send, keyed=False)
    if not tried.done or request.POST.get("step") == "edit":
        return _new_bill_page(request, tried)
    new: NewBill = found["new"]
    preview: BillPreview = found["preview"]

    def work() -> Context:
        return {
            "tried": tried,
            "new": new,
            "preview": preview,
            "member": _member(request, str(new.user_id or "")),
        }

    return look(request, "pages/office/bill_preview.html", work)


def _new_bill_page(request: Request, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        named = request.POST.get("member", "") or request.GET.get("member", "")
        return {"tried": tried, "types": words.bill_types(), "member": _member(request, named)}

    return look(request, "pages/office/new_bill.html", work, status=tried.status if tried else 200)


def _lines(request: Request, name: str) -> str:
    return _as_lines(request.POST.get(name, ""))


def _as_lines(text: str) -> str:
    """A text of several lines, which browsers end as nobody else does."""
    return text.strip().replace("\r\n", "\n")


def _typed_bill(request: Request) -> api.CreateBillIn:
    return api.CreateBillIn(
        **typed(request, "title", "type"),
        description=_lines(request, "description"),
        **typed_amount(request),
        **typed_day(request, "due_date", end=True),
        **({"user_id": request.POST["member"]} if request.POST.get("member") else {}),
        allow_payment_after_due="allow_payment_after_due" in request.POST,
        members_at_issue_only="members_at_issue_only" in request.POST,
    )


def _member(request: Request, named: str) -> Member | None:
    """The member that a bill is for, if one was named. Whoever may bill but not look learns nothing about them."""
    if not named or not request.actor.may("ViewPayments"):
        return None
    try:
        return account_of_member(actor=request.actor, user_id=parse_id(named), now=request.now).member
    except (ValueError, Refusal):
        return None


@page("office", methods=("GET", "POST"))
def edit_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """/office/bills/{id}/edit/: new terms; what they change for whom is shown before they are saved. Needs ManageBill."""
    request.actor.require("ManageBill")
    if request.method == "GET":
        return _edit_page(request, bill_id, None)
    bill = read_value(request, lambda: bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now))
    if request.POST.get("step") == "save":
        tried = attempt(request, lambda: api.edit_bill(request, bill_id, _typed_changes(request, bill)))
        if tried.done:
            return go(
                request, "office:bill", bill_id, said=_("The bill is changed, and whom it concerns is being told.")
            )
        return _edit_page(request, bill_id, tried)
    found: list[Change] = []

    def send() -> HttpResponse:
        body = _typed_changes(request, bill)
        found.append(read_value(request, lambda: _change(request, bill, body)))
        return json_answer("{}")

    tried = attempt(request, send, keyed=False)
    if found and request.POST.get("step") != "edit":
        return look(request, "pages/office/bill_change.html", lambda: {"tried": tried, "change": found[0]})
    return _edit_page(request, bill_id, tried)


def _edit_page(request: Request, bill_id: UUID, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        return {"tried": tried, "bill": bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now)}

    return look(request, "pages/office/edit_bill.html", work, status=tried.status if tried else 200)


def _typed_changes(request: Request, bill: ManagedBillView) -> api.EditBillIn:
    """What was typed; of a bill that somebody paid on, its terms are not asked. A due date typed as the day it has already leaves the instant as it is, and the same lines
    leave the description."""
    day = typed_day(request, "due_date", end=True)
    typed_at = day.get("due_date")
    if isinstance(typed_at, datetime) and typed_at.date() == bill.due_date.astimezone(typed_at.tzinfo).date():
        day = {}
    described = _lines(request, "description") if "description" in request.POST else None
    if described == _as_lines(bill.description):
        described = bill.description
    return api.EditBillIn(
        **typed(request, "title"),
        description=described,
        **(typed_amount(request) if "amount" in request.POST else {}),
        **day,
        allow_payment_after_due="allow_payment_after_due" in request.POST,
    )


def _change(request: Request, bill: ManagedBillView, body: api.EditBillIn) -> Change:
    amount = to_money(body.amount, request.actor.currency) if body.amount else bill.amount
    due_date = body.due_date or bill.due_date
    members = members_after_change(actor=request.actor, bill=bill, due_date=due_date)
    terms = _changed_terms(bill, body, amount, due_date)
    lowered = bill.amount.minor * bill.totals.members_billed - bill.totals.billed_minor
    return Change(
        bill=bill,
        terms=terms,
        members=members,
        amount=amount,
        total=Money(max(amount.minor * members - lowered, 0), amount.currency),
        lowered=Money(lowered, amount.currency),
        asked_again=bill.totals.acknowledged_count if terms else 0,
        blocked=bool(terms) and bill.totals.collected_minor > 0,
    )


def _changed_terms(
    bill: ManagedBillView, body: api.EditBillIn, amount: Money, due_date: datetime
) -> tuple[tuple[str, str, str], ...]:
    pairs: list[tuple[str, Any, Any]] = [
        (_("Title"), bill.title, body.title or bill.title),
        (_("Description"), bill.description, bill.description if body.description is None else body.description),
        (_("Amount"), bill.amount, amount),
        (_("Due date"), bill.due_date, due_date),
    ]
    return tuple((name, before, after) for name, before, after in pairs if before != after)


@page("office", methods=("GET", "POST"))
def cancel_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """/office/bills/{id}/cancel/: for a reason, and with every payment back to its payer. Needs ManageBill."""
    request.actor.require("ManageBill")
    tried = None
    if request.method == "POST":
        tried = attempt(
            request,
            lambda: api.update_bill_status(
                request,
                api.UpdateBillStatusIn(
                    bill_id=bill_id,
                    status="cancelled",
                    refund_payers="refund_payers" in request.POST,
                    reason=_lines(request, "reason"),
                ),
            ),
        )
        words.of_the_estate(tried)
        if tried.done:
            return go(request, "office:bill", bill_id, said=_("The bill is cancelled. Nobody owes anything on it."))

    def work() -> Context:
        return {"tried": tried, "bill": bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now)}

    return look(request, "pages/office/cancel_bill.html", work, status=tried.status if tried else 200)
