"""`/management/payments/bills/` and its kin: the office issues bills, changes them, and sees how they stand."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.bills import commands
from clustr.bills.commands.issuing import MAX_BULK, BillChanges
from clustr.bills.office_queries import BillFilter, bill_of_cluster, bills_just_made, bills_of_cluster, members_of_bill
from clustr.bills.types import BillCategory, BilledMember, BillType, MemberStatus, NewBill
from clustr.kit.actor import Actor
from clustr.kit.errors import FieldError
from clustr.kit.money import CurrencyMismatch
from clustr.kit.sentences import Sentence
from clustr.web.bill_schemas import ManagedBillOut, SingleBillOut, StatusFilter, managed_bill_out, single_bill_out
from clustr.web.door import Request, once, read
from clustr.web.paging import OfMembersQuery, Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import Amount, AmountOut, Currency, Flag, In, Instant, Out, Text, to_money

router = Router(tags=["Bills"])

Title = Annotated[str, Text(200)]
Description = Annotated[str, Text(5_000, lines=True, empty=True)]
_BILL: dict[str, Any] = {
    "title": "Service charge, first quarter",
    "amount": "5000.00",
    "currency": "NGN",
    "type": "service_charge",
    "due_date": "2027-01-31T22:59:59Z",
}
_ID = "01998a4e-6f00-7c00-8000-000000000001"


class CreateBillIn(In):
    """A bill to be issued: to every resident, or to the one that `user_id` names."""

    model_config = {"json_schema_extra": {"examples": [_BILL, _BILL | {"user_id": _ID, "description": "Gate repair."}]}}

    title: Title
    amount: Amount
    type: BillType = Field(description="One that the office manages: none of the `_utility` types.")
    due_date: Instant = Field(description="Must lie ahead.")
    user_id: UUID | None = Field(None, description="Whom to bill; null or absent: every resident.")
    description: Description = ""
    currency: Currency | None = Field(None, description="The cluster's, if sent.")
    allow_payment_after_due: Flag = False
    members_at_issue_only: Flag = Field(False, description="Spare those who move in before the due date.")

    def as_new(self, actor: Actor, where: str = "") -> NewBill:
        """The bill in the cluster's currency; `where` it stood in the request is told with what is refused."""
        if self.currency not in (None, actor.currency):
            detail = Sentence("This cluster bills in {currency}.", currency=actor.currency)
            error = FieldError(f"{where}currency", CurrencyMismatch.code, detail)
            raise CurrencyMismatch(detail, errors=(error,))
        return NewBill(
            title=self.title,
            amount=to_money(self.amount, actor.currency, field=f"{where}amount"),
            type=self.type,
            due_date=self.due_date,
            user_id=self.user_id,
            description=self.description,
            allow_payment_after_due=self.allow_payment_after_due,
            members_at_issue_only=self.members_at_issue_only,
        )


class CreateBulkBillsIn(In):
    """Bills to be issued together, all or none."""

    model_config = {"json_schema_extra": {"examples": [{"bills": [_BILL, _BILL | {"user_id": _ID}]}]}}

    bills: Annotated[list[CreateBillIn], Field(min_length=1, max_length=MAX_BULK)]


class EditBillIn(In):
    """What to change; what is absent or null stays."""

    model_config = {"json_schema_extra": {"examples": [{"amount": "4500.00", "due_date": "2027-02-28T22:59:59Z"}]}}

    title: Title | None = None
    description: Description | None = None
    amount: Amount | None = None
    due_date: Instant | None = None
    allow_payment_after_due: Flag | None = Field(None, description="Not one of the terms: raises no `version`.")


class UpdateBillStatusIn(In):
    """A bill to be cancelled."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"bill_id": _ID, "status": "cancelled", "reason": "Billed twice.", "refund_payers": True}]
        }
    }

    bill_id: UUID
    status: Annotated[str, Text(40)] = Field(description="`cancelled`: every other status follows from what happened.")
    reason: Annotated[str, Text(1_000, lines=True)]
    refund_payers: Flag = Field(False, description="Return every payment to its payer's wallet.")


class Scope(StrEnum):
    """Whom bills are for."""

    CLUSTER = "cluster"
    USER = "user"


class BillsQuery(PageQuery):
    status: StatusFilter | None = None
    type: BillType | None = None
    category: BillCategory | None = None
    scope: Scope | None = Field(None, description="`cluster`: for every resident; `user`: for one.")
    user_id: UUID | None = Field(None, description="Bills to this member only.")
    due_before: Instant | None = None
    due_after: Instant | None = Field(None, description="From this instant on.")
    q: Annotated[str, Text(200, empty=True)] = Field("", description="Part of the title, or the bill's number.")

    def as_filter(self) -> BillFilter:
        return BillFilter(
            status=self.status,
            type=self.type,
            category=self.category,
            cluster_wide=self.scope is Scope.CLUSTER if self.scope else None,
            user_id=self.user_id,
            due_before=self.due_before,
            due_after=self.due_after,
            q=self.q or None,
        )


class BillMembersQuery(OfMembersQuery):
    status: StatusFilter | None = None
    unpaid: bool = Field(False, description="Only those with something left to pay, whatever their status.")


class BilledMemberOut(Out):
    """One member a bill reaches, and where they stand."""

    user_id: UUID
    name: str
    unit: str | None
    status: MemberStatus
    amount_due: AmountOut
    amount_paid: AmountOut
    amount_remaining: AmountOut
    currency: Currency
    acknowledged_at: Instant | None


class BulkBillsOut(Out):
    """What was issued, in the order it was sent."""

    created: int
    results: list[ManagedBillOut]


@router.post("create_bill/", response={201: SingleBillOut}, summary="Issue a bill")
def create_bill(request: Request, body: CreateBillIn) -> HttpResponse:
    """Bill every resident with one record, or one resident. Needs ManageBill.

    Refuses with `due_date_not_ahead`, `type_not_managed`, `currency_mismatch`, `member_not_found`.
    """

    def work() -> SingleBillOut:
        new = body.as_new(request.actor)
        create = commands.create_user_specific_bill if new.user_id else commands.create_cluster_wide_bill
        return _single(request, create(actor=request.actor, new=new, now=request.now).id)

    return once(request, body, 201, work)


@router.post("create_bulk_bills/", response={201: BulkBillsOut}, summary="Issue many bills")
def create_bulk_bills(request: Request, body: CreateBulkBillsIn) -> HttpResponse:
    """Issue up to 5,000 bills, all or none; `errors` name each wrong one by its place: `bills.3.amount`. Needs ManageBill.

    Refuses with `bulk_invalid`, `currency_mismatch`, `invalid_amount`.
    """

    def work() -> BulkBillsOut:
        new = [bill.as_new(request.actor, f"bills.{place}.") for place, bill in enumerate(body.bills)]
        made = commands.create_bulk_bills(actor=request.actor, bills=new, now=request.now)
        found = bills_just_made(actor=request.actor, bill_ids=[bill.id for bill in made], now=request.now)
        return BulkBillsOut(created=len(found), results=[managed_bill_out(view) for view in found])

    return once(request, body, 201, work)


@router.get("bills/", response=Page[ManagedBillOut], summary="The cluster's bills")
def list_bills(request: Request, query: Query[BillsQuery]) -> HttpResponse:
    """Newest first. Needs ViewPayments."""

    def work() -> Page[ManagedBillOut]:
        rows = bills_of_cluster(
            actor=request.actor,
            chosen=query.as_filter(),
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=managed_bill_out)

    return read(request, work)


@router.get("bills/{bill_id}/", response=SingleBillOut, summary="One bill")
def get_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """With what members did about it. Needs ViewPayments or ManageBill. Refuses with `bill_not_found`."""
    return read(request, lambda: _single(request, bill_id))


@router.patch("bills/{bill_id}/", response=SingleBillOut, summary="Change a bill")
def edit_bill(request: Request, bill_id: UUID, body: EditBillIn) -> HttpResponse:
    """Changed terms raise `version`, and members acknowledge anew. Needs ManageBill.

    Refuses with `bill_not_found`, `bill_cancelled`, `bill_has_payments`, `due_date_not_ahead`, `invalid_amount`.
    """

    def work() -> SingleBillOut:
        changes = BillChanges(
            title=body.title,
            description=body.description,
            amount=to_money(body.amount, request.actor.currency) if body.amount else None,
            due_date=body.due_date,
            allow_payment_after_due=body.allow_payment_after_due,
        )
        commands.edit_bill(actor=request.actor, bill_id=bill_id, changes=changes, now=request.now)
        return _single(request, bill_id)

    return once(request, body, 200, work)


@router.get("bills/{bill_id}/members/", response=Page[BilledMemberOut], summary="Where each member stands")
def list_bill_members(request: Request, bill_id: UUID, query: Query[BillMembersQuery]) -> HttpResponse:
    """Everybody a bill reaches: who acknowledged, who paid, who has not. Needs ViewPayments.

    Refuses with `bill_not_found`.
    """

    def work() -> Page[BilledMemberOut]:
        rows = members_of_bill(
            actor=request.actor,
            bill_id=bill_id,
            status=query.status,
            unpaid=query.unpaid,
            q=query.q,
            now=request.now,
            after=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.user_id), out=_billed_member_out)

    return read(request, work)


@router.post("update_bill_status/", response=SingleBillOut, summary="Cancel a bill")
def update_bill_status(request: Request, body: UpdateBillStatusIn) -> HttpResponse:
    """Cancel a bill; where it was paid, only with `refund_payers`: every payment returns to its payer's wallet, all in
    one instant. Needs ManageBill.

    Refuses with `status_is_derived`, `bill_not_found`, `bill_cancelled`, `bill_has_payments`, `refund_under_way`,
    `payment_disputed`, `insufficient_funds`.
    """

    def work() -> SingleBillOut:
        commands.update_bill_status(
            actor=request.actor,
            bill_id=body.bill_id,
            status=body.status,
            reason=body.reason,
            refund_payers=body.refund_payers,
            now=request.now,
        )
        return _single(request, body.bill_id)

    return once(request, body, 200, work)


def _single(request: Request, bill_id: UUID) -> SingleBillOut:
    now: datetime = request.now
    return single_bill_out(bill_of_cluster(actor=request.actor, bill_id=bill_id, now=now))


def _billed_member_out(row: BilledMember) -> BilledMemberOut:
    return BilledMemberOut(
        user_id=row.user_id,
        name=row.name,
        unit=row.unit,
        status=row.status,
        amount_due=str(row.amount_due),
        amount_paid=str(row.amount_paid),
        amount_remaining=str(row.amount_remaining),
        currency=row.amount_due.currency,
        acknowledged_at=row.acknowledged_at,
    )
