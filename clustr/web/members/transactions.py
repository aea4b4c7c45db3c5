"""`/members/transactions/`: what a member can do with one of their transactions."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from clustr.payments import commands, queries
from clustr.web.door import Request, once
from clustr.web.money_schemas import TransactionOut, transaction_out

router = Router(tags=["My transactions"])


@router.post("{transaction_id}/retry/", response={201: TransactionOut}, summary="Try a failed payment again")
def retry_transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """As a new attempt. Refuses with `transaction_not_found`, `transaction_not_retryable`."""

    def work() -> TransactionOut:
        attempt = commands.retry_transaction(actor=request.actor, transaction_id=transaction_id)
        return transaction_out(queries.view_of(attempt))

    return once(request, None, 201, work)
