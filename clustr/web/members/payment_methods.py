"""`/members/payment-methods/`: the cards that providers keep for a member."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from clustr.payments import commands, queries
from clustr.web.door import Request, once, read
from clustr.web.payment_schemas import SavedMethodOut, saved_method_out
from clustr.web.schemas import Out

router = Router(tags=["My payment methods"])


class SavedMethodsOut(Out):
    """A member's cards, the newest first."""

    results: list[SavedMethodOut]


@router.get("", response=SavedMethodsOut, summary="My payment methods")
def list_payment_methods(request: Request) -> HttpResponse:
    """Cards that were kept when they paid: brand, last four digits, expiry."""
    return read(request, lambda: _methods(request))


@router.delete("{method_id}/", response=SavedMethodsOut, summary="Forget a payment method")
def remove_payment_method(request: Request, method_id: UUID) -> HttpResponse:
    """Its token is destroyed; payments made with it stay. Refuses with `payment_method_not_found`."""

    def work() -> SavedMethodsOut:
        commands.remove_method(actor=request.actor, method_id=method_id, now=request.now)
        return _methods(request)

    return once(request, None, 200, work)


def _methods(request: Request) -> SavedMethodsOut:
    return SavedMethodsOut(results=[saved_method_out(view) for view in queries.my_methods(actor=request.actor)])
