"""A customer's invoices, payments and billing address."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.subscriptions.document_queries import Document, my_billing_address, my_invoices, my_payments
from clustr.subscriptions.sheet_queries import issuer
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus
from clustr.web.actors import Request
from clustr.web.billing import documents as api
from clustr.web.billing.schemas import AddressIn
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.places import countries
from clustr.web.pages.platform.frame import customer_page, plan_address
from clustr.web.pages.platform.searching import OfPlanQuery
from clustr.web.pages.platform.whose import whose_plan
from clustr.web.paging import by_id, last_id

_ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "country", "tax_id")


@customer_page()
def invoices(request: Request) -> HttpResponse:
    """GET /platform/invoices/: and credit notes, newest first, each with its lines."""
    query, whose = asked(request, OfPlanQuery), whose_plan(request)

    def work() -> Context:
        rows = my_invoices(
            actor=request.actor, before=last_id(request, query), limit=query.fetch, of=whose.of_plan, q=query.q
        )
        found = listed(request, query, rows, key=lambda row: by_id(row.invoice.id))
        owed = [row.invoice for row in found["rows"] if _is_owed(row)]
        first = min(owed, key=lambda invoice: (invoice.due_date, invoice.id)) if owed else None
        found["rows"] = [_shown(row, opened=row.invoice is first) for row in found["rows"]]
        return {**found, "query": query, "whose": whose}

    return look(request, "pages/platform/invoices.html", work, part="pages/platform/parts/invoices_rows.html")


def _is_owed(row: Document) -> bool:
    return row.invoice.status == InvoiceStatus.OPEN and row.invoice.kind == InvoiceKind.INVOICE


def _shown(row: Document, *, opened: bool) -> dict[str, Any]:
    """`pay_at`: Stripe's page, where an open invoice is paid; `pay_to`: the account, where it is paid by transfer. `opened`: it is
    the one to be paid first."""
    pay_at = row.invoice.hosted_invoice_url if row.invoice.status == InvoiceStatus.OPEN else ""
    return {
        "opened": opened,
        "invoice": row.invoice,
        "lines": row.lines,
        "back": row.back,
        "document": reverse("api:download_invoice", args=[row.invoice.id]),
        "pay_at": pay_at,
        "pay_to": issuer(row.invoice).to_pay_to() if _is_owed(row) and not pay_at else {},
    }


@customer_page()
def payments(request: Request) -> HttpResponse:
    """GET /platform/payments/: of invoices, newest first."""
    query, whose = asked(request, OfPlanQuery), whose_plan(request)

    def work() -> Context:
        rows = my_payments(
            actor=request.actor, before=last_id(request, query), limit=query.fetch, of=whose.of_plan, q=query.q
        )
        return {**listed(request, query, rows, key=lambda row: by_id(row.id)), "query": query, "whose": whose}

    return look(request, "pages/platform/payments.html", work, part="pages/platform/parts/payments_rows.html")


@customer_page(methods=("GET", "POST"))
def address(request: Request) -> HttpResponse:
    """/platform/address/: where invoices go; the tax follows from the country."""
    tried, whose = None, whose_plan(request)
    if request.method == "POST":
        sent = {name: request.POST.get(name, "").strip() for name in _ADDRESS}
        sent["country"] = sent["country"].upper()
        tried = attempt(request, lambda: api.set_my_billing_address(request, AddressIn(**sent)))
        if tried.done:
            return go(
                request, plan_address(request, "platform:address"), said=_("Saved. Your next invoice goes there.")
            )
    return look(
        request,
        "pages/platform/address.html",
        lambda: {
            "tried": tried,
            "held": my_billing_address(actor=request.actor),
            "countries": countries(),
            "whose": whose,
        },
        status=tried.status if tried else 200,
    )
