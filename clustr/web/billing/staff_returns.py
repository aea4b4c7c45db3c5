"""`/api/v1/billing/staff/`: what goes back of payments by card, and what a person of the platform's staff has to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.audit.types import Claim
from clustr.kit.money import Money
from clustr.payments.refusals import ProviderWouldNot
from clustr.payments.states import CaseKind
from clustr.payments.types import CaseView
from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import CallRow
from clustr.subscriptions.staff_queries import customer_document, staff_cases
from clustr.subscriptions.states import CallState
from clustr.web.billing.customers import as_customer, cause_of
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import InvoiceOut, invoice_out
from clustr.web.billing.staff_schemas import MinorIn
from clustr.web.door import Request, once, once_between, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import Currency, In, Out, Text

router = Router(tags=["Platform"])


class CardRefundIn(In):
    """Back to the card that paid an invoice: `amount`, tax and all, or without it all that is left."""

    invoice_id: UUID
    amount: MinorIn | None = None
    currency: Currency | None = Field(None, description="Of the amount; absent: the invoice's.")
    reason: Annotated[str, Text(200)] = Field(
        description="It stands on the credit note, and in what the customer is told."
    )


class StaffCasesQuery(PageQuery):
    open: bool = Field(True, description="Only those that are open.")


class StaffCaseOut(Out):
    """Something that no rule decides. `facts`: what is known of it, `what` it is among them."""

    id: UUID
    kind: CaseKind
    facts: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    note: str


class StaffCaseIn(In):
    case_id: UUID
    note: Annotated[str, Text(1_000, lines=True)] = Field(description="What was done.")


@router.post("staff/refund_payment/", response={201: InvoiceOut}, summary="Refund a card", openapi_extra=PERSONAL)
def refund_customer_payment(request: Request, body: CardRefundIn) -> HttpResponse:
    """Asked of Stripe; a credit note follows, and the customer is told. Answers the invoice as it then stands. Refuses with
    `invoice_not_found`, `nothing_to_refund`, `refund_exceeds_payment`, `credit_exceeds_invoice`, `change_under_way`, `currency_mismatch`,
    `provider_unavailable`, `provider_silent`, `provider_would_not`."""
    as_customer(request)

    def begin(claim: Claim | None, _checked: None) -> CallRow:
        amount = None
        if body.amount is not None:
            held = customer_document(actor=request.actor, invoice_id=body.invoice_id).invoice
            amount = Money(body.amount, body.currency or held.currency)
        return commands.begin_refund(
            actor=request.actor,
            invoice_id=body.invoice_id,
            amount=amount,
            reason=body.reason,
            cause=cause_of(claim),
            now=request.now,
        )

    def ask(begun: CallRow) -> CallRow:
        ended = commands.ask_stripe(cluster_id=request.actor.cluster_id, call_id=begun.id, now=request.now)
        if ended.state != CallState.DONE:
            raise ProviderWouldNot
        return ended

    def shape(_asked: CallRow) -> InvoiceOut:
        return invoice_out(customer_document(actor=request.actor, invoice_id=body.invoice_id))

    return once_between(request, body, 201, record=begin, ask=ask, shape=shape)


@router.get("staff/cases/", response=Page[StaffCaseOut], summary="What a person must look at", openapi_extra=PERSONAL)
def list_staff_cases(request: Request, query: Query[StaffCasesQuery]) -> HttpResponse:
    """Disputes, refunds that failed, and what no rule decides about plans by card; newest first."""
    as_customer(request)

    def work() -> Page[StaffCaseOut]:
        rows = staff_cases(actor=request.actor, only_open=query.open, before=last_id(request, query), limit=query.fetch)
        return page(request, query, rows, key=lambda row: by_id(row.id), out=_case_out)

    return read(request, work)


@router.post("staff/close_case/", response=StaffCaseOut, summary="Say what was done", openapi_extra=PERSONAL)
def close_staff_case(request: Request, body: StaffCaseIn) -> HttpResponse:
    """Refuses with `case_not_found`, `case_closed`."""
    as_customer(request)

    def work() -> StaffCaseOut:
        commands.close_staff_case(actor=request.actor, case_id=body.case_id, note=body.note, now=request.now)
        (closed,) = staff_cases(actor=request.actor, only_open=False, case_id=body.case_id)
        return _case_out(closed)

    return once(request, body, 200, work)


def _case_out(case: CaseView) -> StaffCaseOut:
    return StaffCaseOut(**{name: getattr(case, name) for name in StaffCaseOut.model_fields})
