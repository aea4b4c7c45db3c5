"""`/app/recurring/`: a resident's standing orders: set up, look at, pause, resume, cancel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clustr.bills.queries import unread_spans
from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.recurring.queries import (
    history_of,
    my_recurring_payment,
    my_recurring_payments,
    recurring_payment_summary,
)
from clustr.recurring.shortfalls import my_shortfalls
from clustr.recurring.types import Frequency, OrderView, RunFailure, RunsSought, RunState, RunView
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.members import recurring_payments as api
from clustr.web.pages.forms import Attempt, Unreadable, attempt, go, typed, typed_amount, typed_day
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, begin_at, called, listed
from clustr.web.pages.residents.paying import cards_of, chosen_card
from clustr.web.pages.residents.runs import runs_called
from clustr.web.pages.words import STATUS, word_of

_CONTRIBUTION = "contribution"
"""What a form sends for an order that pays no bills; the API is told no type."""


_NOT_READ = gettext_lazy("you had not read the bill yet")


@page("app")
def list_recurring(request: Request) -> HttpResponse:
    """GET /app/recurring/: what runs by itself, and what it takes."""
    query = ListQuery.of(request)

    def work() -> Context:
        rows = my_recurring_payments(
            actor=request.actor, q=query.q, before=begin_after(request, query), limit=query.fetch
        )
        found = recurring_payment_summary(actor=request.actor, now=request.now)
        short = my_shortfalls(actor=request.actor, now=request.now)
        return {**listed(request, query, rows), "summary": found, "short": short, "q": query.q}

    return look(request, "pages/residents/recurring.html", work, part="pages/residents/recurring_rows.html")


@page("app", methods=("GET", "POST"))
def create(request: Request) -> HttpResponse:
    """GET, POST /app/recurring/new/: set one up: pay the estate's bills of a type as they come, or contribute."""
    tried = None
    if request.method == "POST":
        tried = attempt(
            request,
            lambda: api.create_recurring_payment(request, api.CreateRecurringPaymentIn.model_validate(_typed(request))),
        )
        if tried.answer:
            return go(request, "app:recurring_payment", tried.answer["id"], said=_("Set up. You need do nothing more."))

    def work() -> Context:
        tomorrow = timezone.localtime(request.now).date() + timedelta(days=1)
        return {
            "wallet": my_wallet(actor=request.actor),
            "types": [("", _("Choose what it pays"))]
            + [(each.value, word_of(each.value)) for each in BillType if each not in UTILITY_TYPES]
            + [(_CONTRIBUTION, _("A contribution to the estate, without a bill"))],
            "frequencies": [(each.value, word_of(each.value)) for each in Frequency],
            "tomorrow": tomorrow.isoformat(),
            **cards_of(request.actor),
            "tried": tried,
        }

    return look(request, "pages/residents/create_recurring.html", work, status=tried.status if tried else 200)


def _typed(request: Request) -> dict[str, Any]:
    """What sets one up. Where nobody said what the money is for, nothing is taken for granted: a contribution comes back from
    nowhere."""
    pays = typed(request, "bill_type") or {"bill_type": Unreadable(_("Choose one of these."))}
    return {
        **typed(request, "title", "frequency", "pin"),
        **({} if pays["bill_type"] == _CONTRIBUTION else pays),
        **typed_amount(request),
        **chosen_card(request),
        **typed_day(request, "start_date"),
        **typed_day(request, "end_date", end=True),
    }


def _changed(request: Request, order: OrderView) -> dict[str, Any]:
    """What the form changes of an order. Its end, its most and its card are left as they are where nothing was chosen."""
    changes = {**typed(request, "title", "pin"), **typed_amount(request), **typed_day(request, "end_date", end=True)}
    if order.max_amount is not None and request.POST.get("max_amount", "").strip():
        changes |= typed_amount(request, "max_amount")
    card = chosen_card(request).get("payment_method_id")
    if card and card != str(order.payment_method_id):
        changes["payment_method_id"] = card
    return changes


@page("app", methods=("GET", "POST"))
def change(request: Request, order_id: UUID) -> HttpResponse:
    """GET, POST /app/recurring/{id}/change/: amount, end, name, and which card pays; from the next payment on."""
    tried = None
    if request.method == "POST":
        order = read_value(request, lambda: my_recurring_payment(actor=request.actor, recurring_payment_id=order_id))
        tried = attempt(
            request,
            lambda: api.edit_recurring_payment(
                request, order_id, api.EditRecurringPaymentIn.model_validate(_changed(request, order))
            ),
        )
        if tried.done:
            return go(request, "app:recurring_payment", order_id, said=_("Changed, from the next payment on."))

    def work() -> Context:
        found = my_recurring_payment(actor=request.actor, recurring_payment_id=order_id)
        return {
            "order": found,
            "last_day": timezone.localtime(found.end_date).date().isoformat() if found.end_date else "",
            "wallet": my_wallet(actor=request.actor),
            **cards_of(request.actor, found.payment_method_id),
            "tried": tried,
        }

    return look(request, "pages/residents/change_recurring.html", work, status=tried.status if tried else 200)


@page("app")
def show_recurring(request: Request, order_id: UUID) -> HttpResponse:
    """GET /app/recurring/{id}/: one of them, with how its periods went."""
    return _order(request, order_id)


@page("app", methods=("POST",))
def pause(request: Request, order_id: UUID) -> HttpResponse:
    """POST /app/recurring/{id}/pause/."""
    body = api.ReasonedRecurringPaymentIn(recurring_payment_id=order_id)
    tried = attempt(request, lambda: api.pause_recurring_payment(request, body))
    said = _("Paused. What is due meanwhile is not paid, also not later.")
    return go(request, "app:recurring_payment", order_id, said=said) if tried.done else _order(request, order_id, tried)


@page("app", methods=("POST",))
def resume(request: Request, order_id: UUID) -> HttpResponse:
    """POST /app/recurring/{id}/resume/."""
    tried = attempt(
        request,
        lambda: api.resume_recurring_payment(
            request, api.ResumeRecurringPaymentIn(recurring_payment_id=order_id, **typed(request, "pin"))
        ),
    )
    said = _("It runs again, from its next date on.")
    return go(request, "app:recurring_payment", order_id, said=said) if tried.done else _order(request, order_id, tried)


@page("app", methods=("POST",))
def cancel(request: Request, order_id: UUID) -> HttpResponse:
    """POST /app/recurring/{id}/cancel/: for good."""
    body = api.ReasonedRecurringPaymentIn(recurring_payment_id=order_id)
    tried = attempt(request, lambda: api.cancel_recurring_payment(request, body))
    said = _("Cancelled. Nothing more is taken.")
    return go(request, "app:recurring_payment", order_id, said=said) if tried.done else _order(request, order_id, tried)


def _order(request: Request, order_id: UUID, tried: Attempt | None = None) -> HttpResponse:
    query = ListQuery.of(request)

    def runs() -> Context:
        actor, where = request.actor, begin_at(request, query, (int, UUID))
        order = my_recurring_payment(actor=actor, recurring_payment_id=order_id)
        before = where[0] if where else None
        sought = _sought(request, order, query.q) if query.q else None
        history = history_of(
            actor=actor, recurring_payment_id=order_id, sought=sought, before=before, limit=query.fetch
        )
        return {
            "order": order,
            "q": query.q,
            **listed(request, query, history, key=lambda run: (run.period, run.id)),
            "last": None if where or query.q else next(iter(history), None),
            "unread": _not_read(request, order, history),
        }

    def work() -> Context:
        actor, shown = request.actor, runs()
        if query.q:
            shown["last"] = next(iter(history_of(actor=actor, recurring_payment_id=order_id, limit=1)), None)
        return {
            **shown,
            "short": my_shortfalls(actor=actor, now=request.now).get(order_id),
            "wallet": my_wallet(actor=actor),
            **cards_of(actor, shown["order"].payment_method_id),
            "tried": tried,
        }

    return look(
        request,
        "pages/residents/recurring_payment.html",
        work,
        part="" if tried else "pages/residents/recurring_runs.html",
        part_work=runs,
        status=tried.status if tried else 200,
        at=reverse("app:recurring_payment", args=[order_id]),
    )


def _sought(request: Request, order: OrderView, q: str) -> RunsSought:
    """The runs whose day, state or reason, as the page says them, has `q` in it."""
    sought = runs_called(q, states=RunState, failures=RunFailure)
    unread = bool(called(q, {"state": STATUS["unread"][0], "why": _NOT_READ}))
    if order.bill_type is None or not (unread or RunState.NOTHING_DUE in sought.states):
        return sought
    waited = unread_spans(actor=request.actor, type=order.bill_type, oldest=order.start_date, newest=request.now)
    return replace(sought, unread=unread, waited=waited)


def _not_read(request: Request, order: OrderView, history: list[RunView]) -> set[UUID]:
    """The runs that paid nothing although there was a bill to pay, because the member had not read it."""
    idle = [run for run in history if run.state == RunState.NOTHING_DUE]
    if not idle or order.bill_type is None:
        return set()
    due = [run.due_at for run in idle]
    spans = unread_spans(actor=request.actor, type=order.bill_type, oldest=min(due), newest=max(due))
    return {
        run.id for run in idle for began, ended in spans if began <= run.due_at and (ended or request.now) > run.due_at
    }
