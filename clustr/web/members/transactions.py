"""`/members/transactions/`: what a member can do with one of their transactions."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from clustr.payments import queries
from clustr.settlement import commands
from clustr.settlement.types import Checkout
from clustr.web.door import Request, actor_of, once_between, take_turn
from clustr.web.errors import CONTENT_TYPE
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.schemas import AmountOut

router = Router(tags=["My transactions"])

PDF_ANSWER: dict[str, Any] = {
    "responses": {
        "200": {
            "description": "The receipt.",
            "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        },
        "409": {
            "description": "It is not completed.",
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    }
}


class RetriedOut(TransactionOut):
    """The new attempt, and where it is paid."""

    payment_url: str = Field(description="The provider's own page.")
    surcharge: AmountOut = Field(description="The provider's fee, where the payer bears it: paid on top of `amount`.")


@router.post("{transaction_id}/retry/", response={201: RetriedOut}, summary="Try a failed payment again")
def retry_transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """As a new attempt: send the payer to `payment_url`. Asked again while that can be paid, it is the same one. Refuses with
    `transaction_not_found`, `transaction_not_retryable`, `payment_under_way`, and as a new payment would."""
    return once_between(
        request,
        None,
        201,
        record=lambda _claim, _checked: commands.prepare_retry(
            actor=request.actor, transaction_id=transaction_id, now=request.now
        ),
        ask=lambda prepared: commands.open_checkout(actor=request.actor, prepared=prepared, now=request.now),
        shape=_retried_out,
    )


@router.get("{transaction_id}/receipt/", response=bytes, summary="Receipt", openapi_extra=PDF_ANSWER)
def get_receipt(request: Request, transaction_id: UUID) -> HttpResponse:
    """The receipt of a completed transaction as PDF, always the same bytes. For its owner, and with ViewPayments.

    Refuses with `transaction_not_found`, `no_receipt`.
    """
    take_turn(request)
    pdf = commands.issue_receipt(actor=actor_of(request), transaction_id=transaction_id, now=request.now)
    answer = HttpResponse(pdf, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="receipt-{transaction_id}.pdf"'
    answer["ETag"] = f'"{hashlib.sha256(pdf).hexdigest()}"'
    return answer


def _retried_out(checkout: Checkout) -> RetriedOut:
    shown = transaction_out(queries.view_of(checkout.transaction))
    return RetriedOut(**shown.model_dump(), payment_url=checkout.payment_url, surcharge=str(checkout.surcharge))
