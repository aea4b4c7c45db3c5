"""`/management/payments/transactions/`: the cluster's movements of money, refunds, and money received by hand."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Query, Router
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from clustr.bills import commands as bills
from clustr.clusters.member_queries import who_is_found
from clustr.kit.ids import id_of_reference
from clustr.payments import queries
from clustr.payments.queries import Found, TransactionFilter, transactions_of_cluster
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from clustr.web.csv_answers import csv_answer
from clustr.web.door import Request, once, read
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import Amount, In, Instant, Text, no_card_number, to_money

router = Router(tags=["Transactions"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"
CSV_HEADER = (
    *("id", "reference", "type", "status", "amount", "currency", "refunded_amount", "provider", "provider_reference"),
    *("user_id", "bill_id", "description", "created_at", "completed_at"),
)


def _readable(reference: str) -> str:
    if not any(character.isascii() and character.isalnum() for character in reference):
        raise PydanticCustomError("names_nothing", "Must contain a letter (A-Z) or a digit.")
    return no_card_number(unicodedata.normalize("NFKC", reference))  # a full-width letter makes no other receipt


Reference = Annotated[str, Text(100), AfterValidator(_readable)]


class Form(StrEnum):
    """How a list is answered."""

    JSON = "json"
    CSV = "csv"


class TransactionsQuery(PageQuery):
    type: TransactionType | None = None
    status: TransactionStatus | None = None
    user_id: UUID | None = None
    bill_id: UUID | None = Field(None, description="Payments on this bill, and their refunds.")
    provider: Annotated[str, Text(40)] | None = Field(None, description='Such as "wallet", "cash", "paystack".')
    since: Instant | None = Field(None, alias="from", description="Made from this instant on.")
    until: Instant | None = Field(None, alias="to", description="Made before this instant.")
    format: Form = Field(Form.JSON, description="`csv`: every row, streamed; `limit` and `cursor` do not count.")
    q: Annotated[str, Text(100, empty=True)] = Field(
        "", description="Of members found by the beginnings of words (name, e-mail, phone, unit), or by reference."
    )

    def as_filter(self, request: Request) -> TransactionFilter:
        """What to read, for the work of a request: a search looks up its members."""
        who = who_is_found(actor=request.actor, q=self.q, now=request.now) if self.q else ()
        return TransactionFilter(
            found=Found(who, id_of_reference(self.q)) if self.q else None,
            type=self.type,
            status=self.status,
            user_id=self.user_id,
            bill_id=self.bill_id,
            provider=self.provider,
            since=self.since,
            until=self.until,
        )


class RefundTo(StrEnum):
    """Where a refund goes."""

    WALLET = "wallet"
    SOURCE = "source"


class RefundIn(In):
    """A payment to give back, whole or in part."""

    model_config = {
        "json_schema_extra": {"examples": [{"transaction_id": _ID, "amount": "1500.00", "reason": "Paid twice."}]}
    }

    transaction_id: UUID
    amount: Amount | None = Field(None, description="All that was not refunded yet, when absent.")
    reason: Annotated[str, Text(1_000, lines=True)]
    to: RefundTo = Field(RefundTo.WALLET, description="`source`: the card or account that paid through a provider.")


class ReversalIn(In):
    """Money that was recorded by hand by mistake."""

    model_config = {"json_schema_extra": {"examples": [{"transaction_id": _ID, "reason": "It was another member's."}]}}

    transaction_id: UUID
    amount: Amount | None = Field(None, description="All of it, when absent.")
    reason: Annotated[str, Text(1_000, lines=True)] = Field(description="The member reads it.")


class StopIn(In):
    """Why a withdrawal is stopped; the member reads it."""

    model_config = {"json_schema_extra": {"examples": [{"reason": "You told us that it was not you."}]}}

    reason: Annotated[str, Text(1_000, lines=True)]


class OfflinePaymentIn(In):
    """Money received by hand: into the member's wallet, or on a bill."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "user_id": _ID,
                    "amount": "5000.00",
                    "method": "bank_transfer",
                    "reference": "FT-20270112-0091",
                    "bill_id": "01998a4e-6f00-7c00-8000-000000000002",
                }
            ]
        }
    }

    user_id: UUID
    amount: Amount
    method: OfflineMethod
    reference: Reference = Field(
        description="Unique per cluster and method, whatever its case, dashes and spaces: a receipt is booked once."
    )
    bill_id: UUID | None = Field(None, description="A bill the member has acknowledged; absent: into their wallet.")


@router.get(
    "transactions/",
    response=Page[TransactionOut],
    summary="Transactions",
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def list_transactions(request: Request, query: Query[TransactionsQuery]) -> HttpResponse | StreamingHttpResponse:
    """Newest first; `format=csv` streams them all. Needs ViewPayments."""
    if query.format is Form.CSV:
        return _csv(request, query)

    def work() -> Page[TransactionOut]:
        rows = transactions_of_cluster(
            actor=request.actor, chosen=query.as_filter(request), before=last_id(request, query), limit=query.fetch
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=transaction_out)

    return read(request, work)


@router.post("refund_transaction/", response=TransactionOut, summary="Refund a payment")
def refund_transaction(request: Request, body: RefundIn) -> HttpResponse:
    """To the wallet: a bill payment returns at once, and what its payer owes is open again by as much; so does a contribution of
    a recurring payment. To the source: what a provider took for a bill, a contribution or a deposit; it is `pending` until the provider has given it back, or not, and a bill stays
    paid as long. Needs TransferFunds; nobody refunds themselves.

    Refuses with `transaction_not_found`, `not_refundable`, `refund_exceeds_payment`, `payment_disputed`,
    `separation_of_duties`, `insufficient_funds`; to the source also with `no_source_to_refund`, `not_covered`,
    `provider_not_available`, `account_frozen`.
    """

    def work() -> TransactionOut:
        give_back = settlement.refund_to_wallet if body.to is RefundTo.WALLET else settlement.refund_to_source
        refund = give_back(
            actor=request.actor,
            transaction_id=body.transaction_id,
            amount=to_money(body.amount, request.actor.currency) if body.amount else None,
            reason=body.reason,
            now=request.now,
        )
        return transaction_out(queries.view_of(refund))

    return once(request, body, 200, work)


@router.post("withdrawals/{transaction_id}/stop/", response=TransactionOut, summary="Stop a member's withdrawal")
def stop_withdrawal(request: Request, transaction_id: UUID, body: StopIn) -> HttpResponse:
    """As long as it was not sent; the money is back in the member's wallet, and they are told. Needs TransferFunds; nobody
    stops their own here. Refuses with `payout_not_found`, `payout_decided`, `separation_of_duties`."""

    def work() -> TransactionOut:
        stopped = wallets.stop_withdrawal(
            actor=request.actor, payout_id=transaction_id, reason=body.reason, now=request.now
        )
        return transaction_out(queries.view_of(stopped))

    return once(request, body, 200, work)


@router.post("record_offline_payment/", response={201: TransactionOut}, summary="Record money received by hand")
def record_offline_payment(request: Request, body: OfflinePaymentIn) -> HttpResponse:
    """Cash, a bank transfer or a card reader's slip: into the member's wallet, or on a bill under the same rules as
    their own payment. Needs ManageBill; nobody records for themselves.

    Refuses with `member_not_found`, `reference_taken`, `separation_of_duties`; on a bill also as a payment:
    `bill_not_found`, `bill_not_acknowledged`, `bill_disputed`, `bill_cancelled`, `bill_already_paid`, `bill_past_due`,
    `amount_exceeds_remaining`.
    """

    def work() -> TransactionOut:
        amount = to_money(body.amount, request.actor.currency)
        if body.bill_id is None:
            received = wallets.receive_offline(
                actor=request.actor,
                user_id=body.user_id,
                amount=amount,
                method=body.method,
                reference=body.reference,
                now=request.now,
            )
        else:
            received = bills.record_offline_bill_payment(
                actor=request.actor,
                user_id=body.user_id,
                bill_id=body.bill_id,
                amount=amount,
                method=body.method,
                reference=body.reference,
                now=request.now,
            )
        return transaction_out(queries.view_of(received))

    return once(request, body, 201, work)


@router.post("reverse_offline_payment/", response=TransactionOut, summary="Take back what was recorded by mistake")
def reverse_offline_payment(request: Request, body: ReversalIn) -> HttpResponse:
    """Money that was recorded by hand into a member's wallet leaves it again: whole or in part, once, and no more than the
    wallet holds. The member is told the reason. Needs TransferFunds; nobody decides about a receipt of their own.

    Refuses with `transaction_not_found`, `not_recorded_by_hand`, `already_reversed`, `refund_exceeds_payment`,
    `separation_of_duties`, `insufficient_funds`, `account_frozen`.
    """

    def work() -> TransactionOut:
        taken = wallets.reverse_offline_receipt(
            actor=request.actor,
            transaction_id=body.transaction_id,
            amount=to_money(body.amount, request.actor.currency) if body.amount else None,
            reason=body.reason,
            now=request.now,
        )
        return transaction_out(queries.view_of(taken))

    return once(request, body, 200, work)


def _csv(request: Request, query: TransactionsQuery) -> StreamingHttpResponse:
    def fetch(before: UUID | None, limit: int) -> list[TransactionView]:
        return transactions_of_cluster(actor=request.actor, chosen=query.as_filter(request), before=before, limit=limit)

    return csv_answer(
        request, name="transactions", header=CSV_HEADER, fetch=fetch, key=lambda row: row.id, row=_csv_row
    )


def _csv_row(view: TransactionView) -> tuple[str, ...]:
    return (
        str(view.id),
        view.reference,
        view.type.value,
        view.status.value,
        str(view.amount),
        view.amount.currency,
        str(view.refunded),
        view.provider,
        view.provider_reference,
        str(view.user_id or ""),
        str(view.bill_id or ""),
        view.description,
        _instant(view.created_at),
        _instant(view.completed_at) if view.completed_at else "",
    )


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
