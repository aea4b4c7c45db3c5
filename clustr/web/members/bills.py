"""`/members/bills/`: a member's bills: read, acknowledge, dispute, pay."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.audit.types import Claim
from clustr.bills import commands, queries
from clustr.bills.types import BillCategory, BillSummary, BillType, MemberStatus
from clustr.payments.queries import view_of
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.types import SpendAuthorization
from clustr.web.bill_schemas import BillOut, StatusFilter, bill_out
from clustr.web.door import Request, once, once_between, once_in_one_statement, read
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.payment_schemas import (
    CallbackUrl,
    CheckoutOut,
    MethodId,
    Provider,
    SaveCard,
    SavedCardPin,
    checkout_out,
    request_key,
    saved_card,
)
from clustr.web.schemas import Amount, AmountOut, Currency, In, Instant, Out, Pin, Text, Version, to_money

router = Router(tags=["My bills"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"


class MyBillsQuery(PageQuery):
    status: StatusFilter | None = Field(None, description="`pending` is an earlier word for `acknowledged`.")
    type: BillType | None = None
    category: BillCategory | None = None


class StatusSumOut(Out):
    """The bills in one status."""

    count: int
    amount_due: AmountOut
    amount_paid: AmountOut


class SummaryOut(Out):
    """A member's bills counted and summed."""

    by_status: dict[MemberStatus, StatusSumOut]
    amount_outstanding: AmountOut = Field(description="What is still to be paid, overdue or not.")
    currency: Currency
    next_due_date: Instant | None = Field(description="Of what is still to be paid and not overdue.")


class AcknowledgeIn(In):
    """Consent to a bill's terms."""

    model_config = {"json_schema_extra": {"examples": [{"bill_id": _ID, "version": 1}]}}

    bill_id: UUID
    version: Version | None = Field(None, description="The version that was read; absent: the current one.")


class DisputeIn(In):
    """An objection to a bill."""

    model_config = {"json_schema_extra": {"examples": [{"bill_id": _ID, "reason": "There was no water in March."}]}}

    bill_id: UUID
    reason: Annotated[str, Text(2_000, lines=True)]


class WithdrawDisputeIn(In):
    """An objection taken back."""

    model_config = {"json_schema_extra": {"examples": [{"bill_id": _ID, "reason": "Settled with the office."}]}}

    bill_id: UUID
    reason: Annotated[str, Text(2_000, lines=True, empty=True)] = ""


class PayIn(In):
    """A payment from the wallet."""

    model_config = {"json_schema_extra": {"examples": [{"bill_id": _ID, "amount": "2000.00", "pin": "482915"}]}}

    bill_id: UUID
    amount: Amount | None = Field(None, description="All that remains, when absent.")
    pin: Pin | None = Field(None, description="Needed once a PIN is set.")


class PayDirectIn(In):
    """A payment through a provider."""

    model_config = {"json_schema_extra": {"examples": [{"bill_id": _ID, "provider": "paystack"}]}}

    bill_id: UUID
    provider: Provider
    amount: Amount | None = Field(None, description="All that remains, when absent.")
    callback_url: CallbackUrl = ""
    payment_method_id: MethodId
    save_card: SaveCard
    pin: SavedCardPin


class PaidOut(Out):
    """What was paid, and how the bill stands now."""

    transaction: TransactionOut
    bill: BillOut


@router.get("my_bills/", response=Page[BillOut], summary="My bills")
def list_my_bills(request: Request, query: Query[MyBillsQuery]) -> HttpResponse:
    """Those of the whole cluster and those to me alone, newest first."""

    def work() -> Page[BillOut]:
        rows = queries.bills_visible_to(
            actor=request.actor,
            chosen=queries.MemberBillFilter(query.status, query.type, query.category),
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=bill_out)

    return read(request, work)


@router.get("summary/", response=SummaryOut, summary="My bills in sum")
def get_my_summary(request: Request) -> HttpResponse:
    """How many in each status, what is still to be paid, and when next."""
    return read(request, lambda: _summary_out(queries.bill_summary(actor=request.actor, now=request.now)))


@router.post("acknowledge_bill/", response=BillOut, summary="Acknowledge a bill")
def acknowledge_bill(request: Request, body: AcknowledgeIn) -> HttpResponse:
    """Consent to the bill's current terms, which opens payment. A repeat is harmless.

    Refuses with `bill_not_found`, `bill_changed`, `bill_disputed`, `bill_cancelled`, `bill_already_paid`.
    """

    def acknowledge(claim: Claim | None, _nothing: None) -> tuple[str, bool]:
        return commands.acknowledge_bill_once(
            actor=request.actor, bill_id=body.bill_id, version=body.version, claim=claim, now=request.now
        )

    def shaped(facts: str) -> BillOut:
        return bill_out(commands.acknowledged_bill_of(facts))

    return once_in_one_statement(request, body, 200, acknowledge, shaped, before=None)


@router.post("dispute_bill/", response=BillOut, summary="Dispute a bill")
def dispute_bill(request: Request, body: DisputeIn) -> HttpResponse:
    """Object to a bill: it cannot be paid until the dispute ends. An acknowledgment of the same version survives.

    Refuses with `bill_not_found`, `already_disputed`, `bill_cancelled`, `bill_already_paid`.
    """

    def work() -> BillOut:
        return bill_out(
            commands.dispute_bill(actor=request.actor, bill_id=body.bill_id, reason=body.reason, now=request.now)
        )

    return once(request, body, 200, work)


@router.post("withdraw_dispute/", response=BillOut, summary="Withdraw a dispute")
def withdraw_dispute(request: Request, body: WithdrawDisputeIn) -> HttpResponse:
    """Take one's own dispute back. Refuses with `dispute_not_found`."""

    def work() -> BillOut:
        return bill_out(
            commands.withdraw_dispute(actor=request.actor, bill_id=body.bill_id, note=body.reason, now=request.now)
        )

    return once(request, body, 200, work)


@router.post("pay_bill/", response={201: PaidOut}, summary="Pay a bill from the wallet")
def pay_bill(request: Request, body: PayIn) -> HttpResponse:
    """Pay whole or in part. The cluster's wallet is credited in the same instant.

    Refuses with `bill_not_found`, `bill_not_acknowledged`, `bill_disputed`, `bill_cancelled`, `bill_already_paid`,
    `bill_past_due`, `amount_exceeds_remaining`, `insufficient_funds`, `account_frozen`, `pin_required`,
    `pin_incorrect`, `pin_locked`.
    """

    def pay(claim: Claim | None, authorization: SpendAuthorization | None) -> tuple[str, bool]:
        return commands.pay_bill_once(
            actor=request.actor,
            bill_id=body.bill_id,
            amount=to_money(body.amount, request.actor.currency) if body.amount else None,
            authorization=authorization,
            claim=claim,
            now=request.now,
        )

    def paid_out(facts: str) -> PaidOut:
        actor = request.actor
        transaction, bill = commands.payment_of(facts, member_id=actor.member_id, cluster_id=actor.cluster_id)
        return PaidOut(transaction=transaction_out(view_of(transaction)), bill=bill_out(bill))

    pin = body.pin
    check = (lambda: wallets.authorize_spend(actor=request.actor, pin=pin, now=request.now)) if pin else None
    return once_in_one_statement(request, body, 201, pay, paid_out, before=check)


@router.post("pay_bill_direct/", response={201: CheckoutOut}, summary="Pay a bill through a provider")
def pay_bill_direct(request: Request, body: PayDirectIn) -> HttpResponse:
    """Starts a payment: send the payer to `payment_url`, or charges a saved card. The bill is paid when the provider confirms
    it; if the bill changed meanwhile, the money is in the wallet.

    Refuses as `pay_bill/` does about the bill, and with `payment_under_way`, `provider_not_available`, `callback_not_allowed`,
    `provider_unavailable`, `provider_would_not`, `provider_silent`; with a saved card also with `payment_method_not_found`,
    `pin_required`, `pin_incorrect`, `pin_locked`.
    """
    pin = body.pin
    return once_between(
        request,
        body,
        201,
        record=lambda claim, authorization: settlement.prepare_bill_payment(
            actor=request.actor,
            bill_id=body.bill_id,
            amount=to_money(body.amount, request.actor.currency) if body.amount else None,
            provider=body.provider,
            callback_url=body.callback_url,
            request=request_key(claim),
            card=saved_card(body.payment_method_id, authorization),
            save_card=body.save_card,
            now=request.now,
        ),
        before=(lambda: wallets.authorize_spend(actor=request.actor, pin=pin, now=request.now)) if pin else None,
        ask=lambda prepared: settlement.open_checkout(actor=request.actor, prepared=prepared, now=request.now),
        shape=checkout_out,
    )


@router.get("{bill_id}/", response=BillOut, summary="One of my bills")
def get_my_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """As it stands for me. Refuses with `bill_not_found`."""
    return read(
        request, lambda: bill_out(queries.bill_visible_to(actor=request.actor, bill_id=bill_id, now=request.now))
    )


def _summary_out(summary: BillSummary) -> SummaryOut:
    return SummaryOut(
        by_status={
            line.status: StatusSumOut(
                count=line.count, amount_due=str(line.amount_due), amount_paid=str(line.amount_paid)
            )
            for line in summary.lines
        },
        amount_outstanding=str(summary.outstanding),
        currency=summary.outstanding.currency,
        next_due_date=summary.next_due_date,
    )
