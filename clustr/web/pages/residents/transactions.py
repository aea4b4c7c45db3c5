"""`/app/transactions/`: every movement of a resident's money: find, look, receipt, try again; and back from a provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy

from clustr.bills.queries import bill_of_member
from clustr.bills.types import MemberBillView
from clustr.payments.member_queries import kept_of
from clustr.payments.queries import (
    TransactionFilter,
    my_transactions,
    open_checkout_of,
    place_of_reference,
    transaction_visible_to,
)
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.settlement.refusals import NoReceipt
from clustr.utilities.queries import labels_of_purchases
from clustr.wallets.member_queries import my_withdrawal
from clustr.wallets.types import is_correction, is_deposit_by_hand
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.members import transactions as api
from clustr.web.pages.banks import bank_names
from clustr.web.pages.forms import Attempt, attempt, go
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
    """`?kind=&bill=&q=&cursor=`."""

    kind: Kind | None = None
    bill: UUID | None = None


@page("app")
def list_transactions(request: Request) -> HttpResponse:
    """GET /app/transactions/: the statement, newest first."""
    query = TransactionsQuery.of(request)

    def work() -> Context:
        chosen = replace(_CHOSEN[query.kind] if query.kind else TransactionFilter(), bill_id=query.bill)
        rows = my_transactions(
            actor=request.actor, chosen=chosen, q=query.q, before=begin_after(request, query), limit=query.fetch
        )
        shown = query.kind.value if query.kind else ""
        bill = _bill_of(request, query.bill) if query.bill else None
        labels = labels_of_purchases(actor=request.actor, purchase_ids=[row.id for row in rows])
        return {
            **listed(request, query, rows),
            "labels": labels,
            "filters": FILTERS,
            "shown": shown,
            "bill": bill,
            "q": query.q,
        }

    return look(request, "pages/residents/transactions.html", work, part="pages/residents/transaction_rows.html")


@page("app")
def show_transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """GET /app/transactions/{id}/: how it stands. While it is undecided the page looks again by itself."""

    return _transaction(request, transaction_id)


def _transaction(request: Request, transaction_id: UUID, tried: Attempt | None = None) -> HttpResponse:
    actor = request.actor
    withdrawal = read_value(request, lambda: my_withdrawal(actor=actor, transaction_id=transaction_id))
    known = bank_names(request) if withdrawal else {}

    def work() -> Context:
        one = transaction_visible_to(actor=actor, transaction_id=transaction_id)
        if one.user_id != actor.user_id:
            raise PageNotFound  # the office has pages of its own for others' money
        undecided = one.status in _UNDECIDED
        kept = kept_of(actor=actor, transaction_id=one.id)
        checkout = open_checkout_of(actor=actor, transaction_id=one.id, now=request.now) if undecided else ""
        needed = not checkout or _is_still_needed(request, one)
        return {
            "one": one,
            "corrects": is_correction(type=one.type, provider=one.provider),
            "by_hand": is_deposit_by_hand(type=one.type, provider=one.provider),
            "undecided": undecided,
            "checkout": checkout if needed else "",
            "not_needed": not needed,
            "kept": kept,
            "withdrawal": withdrawal,
            "bank": known.get(withdrawal.bank_code, withdrawal.bank_code) if withdrawal else "",
            "waits": withdrawal is not None and undecided and withdrawal.sendable_at > request.now,
            "looks_again": undecided and request.now - one.created_at < _LOOKS_AGAIN_FOR,
            "can_retry": kept is None and _can_retry(one),
            "can_stop": one.type == TransactionType.WITHDRAWAL and one.status == TransactionStatus.PENDING,
            "tried": tried,
        }

    return look(
        request,
        "pages/residents/transaction.html",
        work,
        part="pages/residents/transaction_state.html",
        status=tried.status if tried else 200,
        at=reverse("app:transaction", args=[transaction_id]),
    )


def _can_retry(one: TransactionView) -> bool:
    begun_at_provider = one.type in _BEGUN_AT_A_PROVIDER and one.provider != "wallet"
    failed = one.status == TransactionStatus.FAILED and one.failure is not None
    return begun_at_provider and failed and bool(one.failure and one.failure["retryable"])


def _is_still_needed(request: Request, one: TransactionView) -> bool:
    """Whether what a payment was begun for still asks for so much: a bill may have been paid in another way meanwhile."""
    if one.type != TransactionType.BILL_PAYMENT or one.bill_id is None:
        return True
    bill = _bill_of(request, one.bill_id)
    return bill is not None and bill.can_pay and one.amount <= bill.amount_remaining


def _bill_of(request: Request, bill_id: UUID) -> MemberBillView | None:
    actor = request.actor
    return bill_of_member(cluster_id=actor.cluster_id, user_id=actor.member_id, bill_id=bill_id, now=request.now)


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
    return _transaction(request, transaction_id, tried)


@page("app")
def returned(request: Request) -> HttpResponse:
    """GET /app/returned/: back from a provider's page. What the address says of the outcome is not believed."""
    place = place_of_reference(reference=request.GET.get("reference", "")[:64].lower())
    if place is None or place.cluster_id != request.actor.cluster_id:
        raise PageNotFound
    return go(request, "app:transaction", place.transaction_id)
