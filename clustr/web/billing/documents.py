"""`/api/v1/billing/`: invoices, payments, usage, and where invoices go."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field, RootModel, StrictBool

from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import (
    current_subscription,
    my_billing_address,
    my_invoices,
    my_other_addresses,
    my_payments,
    my_subscription,
)
from clustr.subscriptions.einvoicing import Syntax, invoice_xml
from clustr.subscriptions.rendering import invoice_pdf
from clustr.subscriptions.sheet_queries import sheet_of
from clustr.subscriptions.types import FeatureType, UsageEvent
from clustr.web.billing.customers import as_customer
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import (
    AddressesOut,
    AddressIn,
    AddressOut,
    EstateId,
    EstateQuery,
    InvoiceOut,
    PaymentOut,
    UsageOut,
    address_out,
    invoice_out,
    payment_out,
    use_out,
)
from clustr.web.door import Request, once, read, take_turn
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import In, Instant, Text, pairs

router = Router(tags=["Subscription"])

Units = Annotated[str, Field(strict=True, pattern=r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$", examples=["1"])]


_NAME, _VALUE = Text(40), Text(200, empty=True)
_WHOLE = Annotated[int, Field(strict=True, ge=-(10**12), le=10**12)]


class UsageEventIn(In):
    """One use of a feature. `event_id` is the sender's own: it counts once."""

    feature_type: FeatureType
    amount: _WHOLE | Units = "1"
    event_id: Annotated[str, Text(200)]
    cluster_id: EstateId = None
    at: Instant | None = Field(None, description="When it was used, within the period under way; absent: now.")
    metadata: Annotated[
        dict[Annotated[str, _NAME], StrictBool | _WHOLE | Annotated[str, _VALUE]],
        Field(max_length=20),
        pairs(_NAME, _VALUE, most=20, or_else=({"type": "boolean"}, {"type": "integer"})),
    ] = {}


class UsageEventsIn(RootModel[Annotated[list[UsageEventIn], Field(min_length=1, max_length=1000)]]):
    """A batch, counted whole or not at all."""


class DocumentForm(StrEnum):
    """`pdf` for people; `cii` and `ubl` for their systems."""

    PDF = "pdf"
    CII = "cii"
    UBL = "ubl"


class DownloadQuery(In):
    format: DocumentForm = DocumentForm.PDF


DOCUMENT: dict[str, Any] = PERSONAL | {
    "responses": {
        "200": {
            "description": "The document.",
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                "application/xml": {"schema": {"type": "string"}},
            },
        }
    }
}


@router.get("invoices/", response=Page[InvoiceOut], summary="My invoices", openapi_extra=PERSONAL)
def list_my_invoices(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """And credit notes, newest first."""
    as_customer(request)

    def work() -> Page[InvoiceOut]:
        rows = my_invoices(actor=request.actor, before=last_id(request, query), limit=query.fetch)
        return page(request, query, rows, key=lambda row: by_id(row.invoice.id), out=invoice_out)

    return read(request, work)


@router.get("download-invoice/{invoice_id}/", response=bytes, summary="An invoice", openapi_extra=DOCUMENT)
def download_invoice(request: Request, invoice_id: UUID, query: Query[DownloadQuery]) -> HttpResponse:
    """As PDF with the electronic invoice inside (Factur-X, EN 16931), or that alone. One's own; for platform staff any.

    Refuses with `invoice_not_found`.
    """
    as_customer(request)
    take_turn(request)
    sheet = sheet_of(actor=request.actor, invoice_id=invoice_id)
    if query.format is DocumentForm.PDF:
        return _file(invoice_pdf(sheet), f"{sheet.number}.pdf", "application/pdf")
    return _file(invoice_xml(sheet, Syntax(query.format)), f"{sheet.number}-{query.format}.xml", "application/xml")


@router.get("payments/", response=Page[PaymentOut], summary="My payments", openapi_extra=PERSONAL)
def list_my_subscription_payments(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Of invoices, newest first."""
    as_customer(request)

    def work() -> Page[PaymentOut]:
        rows = my_payments(actor=request.actor, before=last_id(request, query), limit=query.fetch)
        return page(request, query, rows, key=lambda row: by_id(row.id), out=payment_out)

    return read(request, work)


@router.get("usage/", response=UsageOut, summary="My usage", openapi_extra=PERSONAL)
def get_my_usage(request: Request, query: Query[EstateQuery]) -> HttpResponse:
    """Against the plan's limits, in the period under way. Refuses with `subscription_not_found`."""
    as_customer(request)
    return read(request, lambda: _usage(request, query.cluster_id))


@router.post("usage/events/", response=UsageOut, summary="Report usage", openapi_extra=PERSONAL)
def report_usage(request: Request, body: UsageEventsIn) -> HttpResponse:
    """Each event counts once for its `event_id`, against the caller's own subscription or that of the estate it names. Answers
    how much of the first one's is used. What was used before the period under way, or in the future, is 422. Refuses with `subscription_not_found`, `subscription_lapsed`,
    `usage_limit_reached`, `usage_below_zero`, `usage_event_reused`."""
    as_customer(request)

    def work() -> UsageOut:
        by_estate: dict[UUID | None, list[UsageEvent]] = {}
        for event in body.root:
            used = UsageEvent(
                event.feature_type, Decimal(event.amount), event.event_id, event.at or request.now, event.metadata
            )
            by_estate.setdefault(event.cluster_id, []).append(used)
        for cluster_id, events in by_estate.items():
            held = current_subscription(actor=request.actor, for_cluster_id=cluster_id)
            commands.record_usage(actor=request.actor, subscription_id=held.id, events=events, now=request.now)
        return _usage(request, body.root[0].cluster_id)

    return once(request, body, 200, work)


@router.get("billing-address/", response=AddressesOut, summary="Where my invoices go", openapi_extra=PERSONAL)
def get_my_billing_address(request: Request) -> HttpResponse:
    """Empty until it is given."""
    as_customer(request)

    def work() -> AddressesOut:
        others = [address_out(other) for other in my_other_addresses(actor=request.actor)]
        return AddressesOut(**address_out(my_billing_address(actor=request.actor)).model_dump(), others=others)

    return read(request, work)


@router.put("billing-address/", response=AddressOut, summary="Say where my invoices go", openapi_extra=PERSONAL)
def set_my_billing_address(request: Request, body: AddressIn) -> HttpResponse:
    """From now on; documents that were issued keep theirs. The tax follows from the country. One that is not the default is
    kept beside it. Answers the address that was given."""
    as_customer(request)
    address = commands.NewAddress(**body.model_dump(exclude={"is_default"}))
    return once(
        request,
        body,
        200,
        lambda: address_out(
            commands.set_billing_address(
                actor=request.actor, address=address, is_default=body.is_default, now=request.now
            )
        ),
    )


def _file(content: bytes, name: str, content_type: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _usage(request: Request, for_cluster_id: UUID | None) -> UsageOut:
    found = my_subscription(actor=request.actor, for_cluster_id=for_cluster_id, now=request.now)
    held = found.subscription
    return UsageOut(
        period_start=held.current_period_start,
        period_end=held.current_period_end,
        results=[use_out(use) for use in found.usage],
    )
