"""`/app/transactions/`: every movement of a resident's money: find, look, receipt, try again; and back from a provider."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy

from clustr.payments.queries import (
    TransactionFilter,
    my_transactions,
    open_checkout_of,
    place_of_reference,
    transaction_visible_to,
)
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.settlement.refusals import NoReceipt
from clustr.web.actors import Request
from clustr.web.members import transactions as api
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed
from clustr.web.pages.residents.paying import onward
from clustr.web.payment_schemas import VerifyIn
from clustr.web.payments import verify_payment
from clustr.web.refusals import PageNotFound

_UNDECIDED = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)
_BEGUN_AT_A_PROVIDER = (TransactionType.DEPOSIT, TransactionType.BILL_PAYMENT)
_LOOKS_AGAIN_FOR = timedelta(minutes=30)


class Kind(StrEnum):
    """What a list of transactions is narrowed to."""

    RECEIPTS = "receipts"
    BILLS = "bills"
    ADDED = "added"
    UTILITIES = "utilities"
    WITHDRAWN = "withdrawn"


FILTERS = (
    ("", gettext_lazy("All")),
    (Kind.RECEIPTS.value, gettext_lazy("With a receipt")),
    (Kind.BILLS.value, gettext_lazy("Bills")),
    (Kind.ADDED.value, gettext_lazy("Money added")),
    (Kind.UTILITIES.value, gettext_lazy("Utilities")),
    (Kind.WITHDRAWN.value, gettext_lazy("Withdrawn")),
)
_CHOSEN = {
    Kind.RECEIPTS: TransactionFilter(status=TransactionStatus.COMPLETED),
    Kind.BILLS: TransactionFilter(type=TransactionType.BILL_PAYMENT),
    Kind.ADDED: TransactionFilter(type=TransactionType.DEPOSIT),
    Kind.UTILITIES: TransactionFilter(type=TransactionType.UTILITY_PAYMENT),
    Kind.WITHDRAWN: TransactionFilter(type=TransactionType.WITHDRAWAL),
}


class TransactionsQuery(ListQuery):
    """`?kind=&q=&cursor=`."""

    kind: Kind | None = None


@page("app")
def list_transactions(request: Request) -> HttpResponse:
    """GET /app/transactions/: the statement, newest first."""
    query = TransactionsQuery.of(request)

    def work() -> Context:
        chosen = _CHOSEN[query.kind] if query.kind else TransactionFilter()
        rows = my_transactions(
            actor=request.actor, chosen=chosen, q=query.q, before=begin_after(request, query), limit=query.fetch
        )
        shown = query.kind.value if query.kind else ""
        return {**listed(request, query, rows), "filters": FILTERS, "shown": shown, "q": query.q}

    return look(request, "pages/residents/transactions.html", work, part="pages/residents/transaction_rows.html")


@page("app")
def show_transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """GET /app/transactions/{id}/: how it stands. While it is undecided the page looks again by itself."""

    def work() -> Context:
        one = transaction_visible_to(actor=request.actor, transaction_id=transaction_id)
        if one.user_id != request.actor.user_id:
            raise PageNotFound  # the office has pages of its own for others' money
        undecided = one.status in _UNDECIDED
        return {
            "one": one,
            "undecided": undecided,
            "checkout": open_checkout_of(actor=request.actor, transaction_id=one.id, now=request.now)
            if undecided
            else "",
            "looks_again": undecided and request.now - one.created_at < _LOOKS_AGAIN_FOR,
            "can_retry": one.status == TransactionStatus.FAILED
            and one.type in _BEGUN_AT_A_PROVIDER
            and one.provider != "wallet"
            and one.failure is not None
            and one.failure["retryable"],
            "can_stop": one.type == TransactionType.WITHDRAWAL and one.status == TransactionStatus.PENDING,
        }

    return look(request, "pages/residents/transaction.html", work, part="pages/residents/transaction_state.html")


@page("app")
def receipt(request: Request, transaction_id: UUID) -> HttpResponse:
    """GET /app/transactions/{id}/receipt/: the receipt as PDF."""
    try:
        return api.get_receipt(request, transaction_id)
    except NoReceipt:
        return go(request, "app:transaction", transaction_id)


@page("app", methods=("POST",))
def check(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /app/transactions/{id}/check/: ask the provider now what became of it."""
    reference = request.POST.get("reference", "")
    tried = attempt(request, lambda: verify_payment(request, VerifyIn(reference=reference)))
    return go(request, "app:transaction", transaction_id, wrong=tried.problem)


@page("app", methods=("POST",))
def retry(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /app/transactions/{id}/retry/: a failed payment once more, as a new attempt."""
    tried = attempt(request, lambda: api.retry_transaction(request, transaction_id))
    if tried.answer:
        tried.answer["transaction_id"] = tried.answer["id"]
        return onward(request, tried)
    return look(
        request,
        "pages/residents/transaction.html",
        lambda: {
            "one": transaction_visible_to(actor=request.actor, transaction_id=transaction_id),
            "tried": tried,
        },
        status=tried.status,
    )


@page("app")
def returned(request: Request) -> HttpResponse:
    """GET /app/returned/: back from a provider's page. What the address says of the outcome is not believed."""
    place = place_of_reference(reference=request.GET.get("reference", "")[:64].lower())
    if place is None or place.cluster_id != request.actor.cluster_id:
        raise PageNotFound
    return go(request, "app:transaction", place.transaction_id)
