"""A customer's invoices, payments and billing address."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.subscriptions.document_queries import Document, my_billing_address, my_invoices, my_payments
from clustr.web.actors import Request
from clustr.web.billing import documents as api
from clustr.web.billing.schemas import AddressIn
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.places import countries
from clustr.web.pages.platform.frame import customer_page
from clustr.web.paging import PageQuery, by_id, last_id

_ADDRESS = ("name", "line1", "line2", "city", "state", "postal_code", "country", "tax_id")


@customer_page()
def invoices(request: Request) -> HttpResponse:
    """GET /platform/invoices/: and credit notes, newest first, each with its lines."""
    query = asked(request, PageQuery)

    def work() -> Context:
        rows = my_invoices(actor=request.actor, before=last_id(request, query), limit=query.fetch)
        found = listed(request, query, rows, key=lambda row: by_id(row.invoice.id))
        found["rows"] = [_shown(row) for row in found["rows"]]
        return found

    return look(request, "pages/platform/invoices.html", work)


def _shown(row: Document) -> dict[str, Any]:
    """`pay_at`: Stripe's page, where an open invoice is paid."""
    return {
        "invoice": row.invoice,
        "lines": row.lines,
        "back": row.back,
        "document": reverse("api:download_invoice", args=[row.invoice.id]),
        "pay_at": row.invoice.hosted_invoice_url if row.invoice.status == "open" else "",
    }


@customer_page()
def payments(request: Request) -> HttpResponse:
    """GET /platform/payments/: of invoices, newest first."""
    query = asked(request, PageQuery)

    def work() -> Context:
        rows = my_payments(actor=request.actor, before=last_id(request, query), limit=query.fetch)
        return listed(request, query, rows, key=lambda row: by_id(row.id))

    return look(request, "pages/platform/payments.html", work)


@customer_page(methods=("GET", "POST"))
def address(request: Request) -> HttpResponse:
    """/platform/address/: where invoices go; the tax follows from the country."""
    tried = None
    if request.method == "POST":
        sent = {name: request.POST.get(name, "").strip() for name in _ADDRESS}
        sent["country"] = sent["country"].upper()
        tried = attempt(request, lambda: api.set_my_billing_address(request, AddressIn(**sent)))
        if tried.done:
            return go(request, "platform:address", said=_("Saved. Your next invoice goes there."))
    return look(
        request,
        "pages/platform/address.html",
        lambda: {"tried": tried, "held": my_billing_address(actor=request.actor), "countries": countries()},
        status=tried.status if tried else 200,
    )
