"""The office's transactions: the list and its export, one with its refund, and money received by hand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from clustr.bills.member_accounts import account_of_member, bills_of_member
from clustr.bills.office_queries import bill_of_cluster
from clustr.clusters.member_queries import names_here
from clustr.ledger.refusals import InsufficientFunds
from clustr.payments.queries import transaction_visible_to, transactions_of_cluster
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.settlement import commands as settlement
from clustr.wallets.transfer_queries import is_transfer_out
from clustr.wallets.types import is_correction, is_deposit_by_hand
from clustr.web.actors import Request
from clustr.web.management import transactions as api
from clustr.web.pages.confirming import Shown, ask_first
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id
from clustr.web.schemas import to_money

_BY_PROVIDER = ("paystack", "flutterwave")
_MOST_BILLS = 100


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
    """POST /office/transactions/{id}/refund/: to the wallet, or to the card or account it came from; shown before it is done.
    Needs TransferFunds."""
    request.actor.require("TransferFunds")

    def body() -> api.RefundIn:
        sent = typed(request, "reason", "to")
        return api.RefundIn(transaction_id=transaction_id, **sent, **typed_amount(request))

    asked = ask_first(
        request,
        parse=lambda: to_money(body().amount or "", request.actor.currency),
        shown=lambda: _refund_shown(request, body()),
        form=lambda tried: _one(request, transaction_id, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.refund_transaction(request, body()))
    if not tried.done:
        return _one(request, transaction_id, words.of_the_estate(tried))
    said = _("The refund is made. The payer is being told.")
    if request.POST.get("to") == api.RefundTo.SOURCE:
        said = _("The refund is on its way. The payer is told once it has gone.")
    return go(request, "office:transaction", transaction_id, said=said)


def _refund_shown(request: Request, body: api.RefundIn) -> Shown:
    found = transaction_visible_to(actor=request.actor, transaction_id=body.transaction_id)
    amount = to_money(body.amount or "", request.actor.currency)
    to_source = body.to is api.RefundTo.SOURCE
    left = found.amount - found.refunded
    from_estate = found.type is TransactionType.BILL_PAYMENT
    return Shown(
        title=_("Refund"),
        amount=amount,
        lines=[
            (_("From"), _("The estate's wallet") if from_estate else _("Their wallet")),
            (_("To"), _("The card or account they paid with") if to_source else _("Their wallet")),
            (_("Whose"), _whose(found)),
            (_("Of"), found.description or found.reference),
            *([(_("Not refunded then"), left - amount)] if amount <= left else []),
            (_("Reason"), body.reason),
        ],
        button=_("Refund"),
        short=_("That is more than is left of this payment.") if left < amount else "",
        icon="undo-2",
        notes=(
            _("It takes a few days, and cannot be taken back.") if to_source else _("It is there at once."),
            *([_("They owe as much on the bill again.")] if from_estate else []),
        ),
        bad=True,
    )


@page("office", methods=("POST",))
def reverse(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /office/transactions/{id}/reverse/: what was recorded by hand by mistake; shown before it is done. Needs
    TransferFunds."""
    request.actor.require("TransferFunds")

    def body() -> api.ReversalIn:
        return api.ReversalIn(transaction_id=transaction_id, **typed(request, "reason"), **typed_amount(request))

    asked = ask_first(
        request,
        parse=lambda: to_money(body().amount or "", request.actor.currency),
        shown=lambda: _reversal_shown(request, body()),
        form=lambda tried: _one(request, transaction_id, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.reverse_offline_payment(request, body()))
    if tried.code == InsufficientFunds.code:
        tried.problem = _("Their wallet does not hold that much any more.")
    if not tried.done:
        return _one(request, transaction_id, tried)
    return go(request, "office:transaction", transaction_id, said=_("Taken back. The member is being told."))


def _reversal_shown(request: Request, body: api.ReversalIn) -> Shown:
    found = transaction_visible_to(actor=request.actor, transaction_id=body.transaction_id)
    amount = to_money(body.amount or "", request.actor.currency)
    left = found.amount - found.refunded
    return Shown(
        title=_("Recorded by mistake"),
        amount=amount,
        lines=[
            (_("From"), _("Their wallet")),
            (_("Whose"), _whose(found)),
            (_("Of"), found.description or found.reference),
            *([(_("Stays in their wallet"), left - amount)] if amount < left else []),
            (_("Reason"), body.reason),
        ],
        button=_("Take it back"),
        short=_("That is more than is left of this payment.") if left < amount else "",
        icon="undo-2",
        notes=(_("It can be done once. The member reads the reason."),),
        bad=True,
    )


@page("office", methods=("POST",))
def stop_withdrawal(request: Request, transaction_id: UUID) -> HttpResponse:
    """POST /office/transactions/{id}/stop/: a withdrawal that was not sent yet; shown before it is stopped. Needs
    TransferFunds."""
    request.actor.require("TransferFunds")

    def body() -> api.StopIn:
        return api.StopIn(**typed(request, "reason"))

    asked = ask_first(
        request,
        parse=body,
        shown=lambda: _stop_shown(request, transaction_id, body()),
        form=lambda tried: _one(request, transaction_id, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.stop_withdrawal(request, transaction_id, body()))
    if not tried.done:
        return _one(request, transaction_id, tried)
    return go(
        request, "office:transaction", transaction_id, said=_("Stopped. The money is back in the member's wallet.")
    )


def _stop_shown(request: Request, transaction_id: UUID, body: api.StopIn) -> Shown:
    found = transaction_visible_to(actor=request.actor, transaction_id=transaction_id)
    return Shown(
        title=_("Stop this withdrawal"),
        amount=found.amount,
        lines=[
            (_("To"), _("Their wallet")),
            (_("Whose"), _whose(found)),
            (_("Of"), found.description or found.reference),
            (_("Reason"), body.reason),
        ],
        button=_("Stop it"),
        icon="undo-2",
        notes=(_("It is not sent. The member reads the reason."),),
        bad=True,
    )


def _whose(found: TransactionView) -> str:
    names = names_here(user_ids=[found.user_id] if found.user_id else [])
    return names.get(found.user_id, "") if found.user_id else ""


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
            "bill_title": _title_of(request, found.bill_id),
            "corrects": is_correction(type=found.type, provider=found.provider),
            "by_hand": is_deposit_by_hand(type=found.type, provider=found.provider),
            "names": names_here(user_ids=[found.user_id] if found.user_id else []),
            **_possible(request, found),
        }

    return look(request, "pages/office/transaction.html", work, status=tried.status if tried else 200)


def _title_of(request: Request, bill_id: UUID | None) -> str:
    if bill_id is None:
        return ""
    return bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now).title


def _possible(request: Request, found: TransactionView) -> dict[str, Any]:
    """What may be done about it. Everything is asked again where it is done."""
    may = request.actor.may("TransferFunds") and found.user_id not in (None, request.actor.user_id)
    completed = found.status is TransactionStatus.COMPLETED
    to_source = found.provider in _BY_PROVIDER
    refundable = found.type is TransactionType.BILL_PAYMENT or (found.type is TransactionType.DEPOSIT and to_source)
    return {
        "can_refund": may and completed and refundable and found.refunded.minor < found.amount.minor,
        "can_reverse": may
        and completed
        and is_deposit_by_hand(type=found.type, provider=found.provider)
        and not found.refunded.minor,
        "to_source": to_source,
        "to_wallet": found.type is TransactionType.BILL_PAYMENT,
        "left": found.amount - found.refunded,
        "can_look_at_transfer": found.type is TransactionType.TRANSFER
        and request.actor.may("TransferFunds")
        and is_transfer_out(actor=request.actor, transaction_id=found.id),
        "can_stop": may and found.type is TransactionType.WITHDRAWAL and found.status is TransactionStatus.PENDING,
        "has_receipt": found.status in (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED),
    }


@page("office", methods=("GET", "POST"))
def record_payment(request: Request, user_id: UUID) -> HttpResponse:
    """/office/members/{id}/payment/: cash, a bank transfer or a card slip, on a bill or into the wallet; shown before it is
    booked. Needs ManageBill, and ViewPayments to know whose money it is."""
    request.actor.require("ManageBill")
    if request.method == "GET":
        return _record_page(request, user_id, None)

    def body() -> api.OfflinePaymentIn:
        sent = typed(request, "method", "reference", "bill_id")
        return api.OfflinePaymentIn(user_id=user_id, **sent, **typed_amount(request))

    asked = ask_first(
        request,
        parse=lambda: to_money(body().amount, request.actor.currency),
        shown=lambda: _record_shown(request, body()),
        form=lambda tried: _record_page(request, user_id, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.record_offline_payment(request, body()))
    if not tried.done:
        return _record_page(request, user_id, tried)
    return go(request, "office:member", user_id, said=_("Recorded. The member is being told."))


def _record_shown(request: Request, body: api.OfflinePaymentIn) -> Shown:
    member = account_of_member(actor=request.actor, user_id=body.user_id, now=request.now).member
    bills = bills_of_member(actor=request.actor, user_id=body.user_id, now=request.now, limit=_MOST_BILLS)
    bill = next((bill for bill in bills if bill.id == body.bill_id), None)
    amount = to_money(body.amount, request.actor.currency)
    too_much = bill is not None and bill.amount_remaining < amount
    return Shown(
        title=_("Received"),
        amount=amount,
        lines=[
            (_("From"), member.name or member.email),
            (_("How it came"), words.METHOD[body.method]),
            (_("Receipt or transfer number"), body.reference),
            (_("What it is for"), bill.title if bill else _("Their wallet")),
            *([(_("Left to pay then"), bill.amount_remaining - amount)] if bill and not too_much else []),
        ],
        short=_("That is more than is left to pay on this bill.") if too_much else "",
        button=_("Record it"),
        notes=(_("The member is told, and gets a receipt."),),
    )


def _record_page(request: Request, user_id: UUID, tried: Attempt | None) -> HttpResponse:
    def work() -> Context:
        bills = bills_of_member(actor=request.actor, user_id=user_id, now=request.now, limit=_MOST_BILLS)
        return {
            "tried": tried,
            "account": account_of_member(actor=request.actor, user_id=user_id, now=request.now),
            "bills": [bill for bill in bills if bill.can_pay],
            "waiting": sum(bill.can_acknowledge for bill in bills),
            "methods": words.methods(),
        }

    return look(request, "pages/office/record_payment.html", work, status=tried.status if tried else 200)
