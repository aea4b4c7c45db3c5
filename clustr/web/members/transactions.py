"""`/members/transactions/`: what a member can do with one of their transactions."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from clustr.payments import queries
from clustr.settlement import commands
from clustr.settlement.types import Checkout
from clustr.web.door import Request, once_between
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.payment_schemas import request_key

router = Router(tags=["My transactions"])


class RetriedOut(TransactionOut):
    """The new attempt, and where it is paid."""

    payment_url: str = Field(description="The provider's own page.")


@router.post("{transaction_id}/retry/", response={201: RetriedOut}, summary="Try a failed payment again")
def retry_transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """As a new attempt: send the payer to `payment_url`. Refuses with `transaction_not_found`,
    `transaction_not_retryable`, and as a new payment would."""
    return once_between(
        request,
        None,
        201,
        record=lambda claim: commands.prepare_retry(
            actor=request.actor, transaction_id=transaction_id, request=request_key(claim), now=request.now
        ),
        ask=lambda prepared: commands.open_checkout(actor=request.actor, prepared=prepared, now=request.now),
        shape=_retried_out,
    )


def _retried_out(checkout: Checkout) -> RetriedOut:
    shown = transaction_out(queries.view_of(checkout.transaction))
    return RetriedOut(**shown.model_dump(), payment_url=checkout.payment_url)
