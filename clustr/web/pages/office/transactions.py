"""The office's transactions: the list and its export, one with its refund, and money received by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from clustr.bills.member_accounts import account_of_member, bills_of_member
from clustr.clusters.member_queries import names_here
from clustr.payments.queries import transaction_visible_to, transactions_of_cluster
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.settlement import commands as settlement
from clustr.web.actors import Request
from clustr.web.management import transactions as api
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id

_BY_PROVIDER = ("paystack", "flutterwave")


@page("office")
def transactions(request: Request) -> HttpResponseBase:
    """GET /office/transactions/: newest first. `?format=csv` streams them all. Needs ViewPayments."""
    query = asked(request, api.TransactionsQuery)
    if query.format is api.Form.CSV:
        return api.list_transactions(request, query)

    def work() -> Context:
        rows = transactions_of_cluster(
            actor=request.actor, chosen=query.as_filter(request), before=last_id(request, query), limit=query.fetch
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.id)),
            "query": query,
            "types": words.transaction_types(),
            "statuses": words.transaction_statuses(),
            "names": names_here(user_ids={row.user_id for row in rows if row.user_id}),
        }

    return look(request, "pages/office/transactions.html", work, part="pages/office/parts/transactions_rows.html")


@page("office")
def transaction(request: Request, transaction_id: UUID) -> HttpResponse:
    """GET /office/transactions/{id}/: one movement, what can be given back of it, its receipt. Needs ViewPayments."""
    request.actor.require("ViewPayments")
    return _one(request, transaction_id, None)


@page("office", methods=("POST",))
def refund(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /office/transactions/{id}/refund/: to the wallet, or to the card or account it came from. Needs TransferFunds."""
    tried = attempt(
        request,
        lambda: api.refund_transaction(
            request,
            api.RefundIn(
                transaction_id=transaction_id,
                **typed(request, "reason", "to"),
                **typed_amount(request),
            ),
        ),
    )
    if not tried.done:
        return _one(request, transaction_id, words.of_the_estate(tried))
    return go(request, "office:transaction", transaction_id, said=_("The refund is made. The payer is being told."))


@page("office", methods=("POST",))
def stop_withdrawal(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /office/transactions/{id}/stop/: a withdrawal that was not sent yet. Needs TransferFunds."""
    tried = attempt(
        request, lambda: api.stop_withdrawal(request, transaction_id, api.StopIn(**typed(request, "reason")))
    )
    if not tried.done:
        return _one(request, transaction_id, tried)
    return go(
        request, "office:transaction", transaction_id, said=_("Stopped. The money is back in the member's wallet.")
    )


@page("office")
def receipt(request: Request, transaction_id: UUID) -> HttpResponse:
    """GET /office/transactions/{id}/receipt.pdf: of a completed transaction. Needs ViewPayments."""
    request.actor.require("ViewPayments")
    drawn = settlement.issue_receipt(actor=request.actor, transaction_id=transaction_id, now=request.now)
    return HttpResponse(
        drawn,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="receipt-{transaction_id}.pdf"'},
    )


def _one(request: Request, transaction_id: UUID, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        found = transaction_visible_to(actor=request.actor, transaction_id=transaction_id)
        return {
            "tried": tried,
            "transaction": found,
            "names": names_here(user_ids=[found.user_id] if found.user_id else []),
            **_possible(request, found),
        }

    return look(request, "pages/office/transaction.html", work, status=tried.status if tried else 200)


def _possible(request: Request, found: TransactionView) -> dict[str, Any]:
    """What may be done about it. Everything is asked again where it is done."""
    may = request.actor.may("TransferFunds") and found.user_id not in (None, request.actor.user_id)
    completed = found.status is TransactionStatus.COMPLETED
    to_source = found.provider in _BY_PROVIDER
    refundable = found.type is TransactionType.BILL_PAYMENT or (found.type is TransactionType.DEPOSIT and to_source)
    return {
        "can_refund": may and completed and refundable and found.refunded.minor < found.amount.minor,
        "to_source": to_source,
        "to_wallet": found.type is TransactionType.BILL_PAYMENT,
        "left": found.amount - found.refunded,
        "can_stop": may and found.type is TransactionType.WITHDRAWAL and found.status is TransactionStatus.PENDING,
        "has_receipt": found.status in (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED),
    }


@page("office", methods=("GET", "POST"))
def record_payment(request: Request, user_id: UUID) -> HttpResponse:
    """/office/members/{id}/payment/: cash, a bank transfer or a card slip, on a bill or into the wallet. Needs ManageBill,
    and ViewPayments to know whose money it is."""
    request.actor.require("ManageBill")
    tried = None
    if request.POST:
        tried = attempt(
            request,
            lambda: api.record_offline_payment(
                request,
                api.OfflinePaymentIn(
                    user_id=user_id, **typed(request, "method", "reference", "bill_id"), **typed_amount(request)
                ),
            ),
        )
        if tried.done:
            return go(request, "office:member", user_id, said=_("Recorded. The member is being told."))

    def work() -> Context:
        bills = bills_of_member(actor=request.actor, user_id=user_id, now=request.now, limit=100)
        return {
            "tried": tried,
            "account": account_of_member(actor=request.actor, user_id=user_id, now=request.now),
            "bills": [bill for bill in bills if bill.can_pay],
            "waiting": sum(bill.can_acknowledge for bill in bills),
            "methods": words.methods(),
        }

    return look(request, "pages/office/record_payment.html", work, status=tried.status if tried else 200)
