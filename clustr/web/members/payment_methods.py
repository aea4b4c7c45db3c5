"""`/members/payment-methods/`: the cards that providers keep for a member."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from clustr.payments import commands, queries
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, all_of, page_of_few
from clustr.web.payment_schemas import SavedMethodOut, saved_method_out

router = Router(tags=["My payment methods"])


@router.get("", response=Page[SavedMethodOut], summary="My payment methods")
def list_payment_methods(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Cards that were kept when they paid: brand, last four digits, expiry; the newest first."""

    def work() -> Page[SavedMethodOut]:
        return page_of_few(request, query, lambda: queries.my_methods(actor=request.actor), out=saved_method_out)

    return read(request, work)


@router.delete("{method_id}/", response=Page[SavedMethodOut], summary="Forget a payment method")
def remove_payment_method(request: Request, method_id: UUID) -> HttpResponse:
    """Its token is destroyed; payments made with it stay. Refuses with `payment_method_not_found`."""

    def work() -> Page[SavedMethodOut]:
        commands.remove_method(actor=request.actor, method_id=method_id, now=request.now)
        return all_of(queries.my_methods(actor=request.actor), out=saved_method_out)

    return once(request, None, 200, work)
