"""How bills look in requests and answers: to the member they are for, and to the office."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema

from clustr.bills.types import BillCategory, BillType, ManagedBillView, MemberBillView, MemberStatus
from clustr.web.schemas import AmountOut, Currency, Instant, Out

LEGACY_STATUS = {"pending": MemberStatus.ACKNOWLEDGED}
"""Words of earlier clients for a status, accepted in filters."""


def _present_word(value: Any) -> Any:
    return LEGACY_STATUS.get(value, value) if isinstance(value, str) else value


StatusFilter = Annotated[
    MemberStatus,
    BeforeValidator(_present_word),
    WithJsonSchema({"type": "string", "enum": [*(status.value for status in MemberStatus), *LEGACY_STATUS]}),
]


class _BillOut(Out):
    id: UUID
    bill_number: str = Field(examples=["BILL-2027-7K3M9ZQ4T2XA"])
    title: str = Field(examples=["Service charge, first quarter"])
    description: str
    type: BillType
    category: BillCategory
    amount: AmountOut = Field(description="What each member is billed.")
    currency: Currency
    due_date: Instant
    issued_at: Instant
    is_cluster_wide: bool
    allow_payment_after_due: bool
    version: int = Field(description="Raised whenever the terms change; older acknowledgments no longer open payment.")


class BillOut(_BillOut):
    """A bill as one member has it."""

    amount_due: AmountOut = Field(
        description="`amount` less what the office took off for this member; nothing where the bill is cancelled."
    )
    amount_paid: AmountOut
    amount_remaining: AmountOut
    status: MemberStatus
    acknowledged_at: Instant | None = Field(description="When the member acknowledged the current terms.")
    can_acknowledge: bool
    can_pay: bool


class ManagedBillOut(_BillOut):
    """A bill as the office has it. `amount` is what each member is billed; the amounts due, paid and remaining are those of
    all its members together."""

    cluster_id: UUID
    user_id: UUID | None = Field(description="Whom it bills; null: every resident.")
    members_at_issue_only: bool
    created_by: UUID
    cancelled_at: Instant | None
    cancel_reason: str
    amount_due: AmountOut = Field(
        description="What all it reaches are asked for together; nothing where the bill is cancelled."
    )
    amount_paid: AmountOut = Field(description="What came in from all of them.")
    amount_remaining: AmountOut = Field(description="What is left to pay of all of them.")
    status: MemberStatus = Field(description="For a cluster-wide bill: how it stands as a whole.")
    acknowledged_at: Instant | None = Field(description="For a bill to one member.")
    can_acknowledge: bool = Field(description="False: only the member a bill reaches can, with their own address.")
    can_pay: bool = Field(description="False: only the member a bill reaches can, with their own address.")


class SingleBillOut(ManagedBillOut):
    """A bill as the office has it, with what members did about it."""

    members_billed: int
    acknowledged_count: int
    disputed_count: int
    paid_count: int
    amount_billed: AmountOut = Field(description="What all it reaches are asked for, or were before it was cancelled.")
    amount_collected: AmountOut
    amount_outstanding: AmountOut


def bill_out(view: MemberBillView) -> BillOut:
    """A member's bill."""
    return BillOut(
        **_shared(view),
        can_acknowledge=view.can_acknowledge,
        can_pay=view.can_pay,
        acknowledged_at=view.acknowledged_at,
        is_cluster_wide=view.is_cluster_wide,
    )


def managed_bill_out(view: ManagedBillView) -> ManagedBillOut:
    """The office's bill in a list."""
    return ManagedBillOut(**_managed(view))


def single_bill_out(view: ManagedBillView) -> SingleBillOut:
    """The office's bill by itself."""
    totals = view.totals
    return SingleBillOut(
        **_managed(view),
        members_billed=totals.members_billed,
        acknowledged_count=totals.acknowledged_count,
        disputed_count=totals.disputed_count,
        paid_count=totals.paid_count,
        amount_billed=str(view.amount_billed),
        amount_collected=str(view.amount_paid),
        amount_outstanding=str(view.amount_remaining),
    )


def _managed(view: ManagedBillView) -> dict[str, Any]:
    return _shared(view) | {
        "cluster_id": view.cluster_id,
        "user_id": view.user_id,
        "is_cluster_wide": view.user_id is None,
        "members_at_issue_only": view.members_at_issue_only,
        "created_by": view.created_by,
        "cancelled_at": view.cancelled_at,
        "cancel_reason": view.cancel_reason,
        "acknowledged_at": view.acknowledged_at,
        "can_acknowledge": False,
        "can_pay": False,
    }


def _shared(view: MemberBillView | ManagedBillView) -> dict[str, Any]:
    return {
        "id": view.id,
        "bill_number": view.bill_number,
        "title": view.title,
        "description": view.description,
        "type": view.type,
        "category": view.category,
        "amount": str(view.amount),
        "currency": view.amount.currency,
        "amount_due": str(view.amount_due),
        "amount_paid": str(view.amount_paid),
        "amount_remaining": str(view.amount_remaining),
        "due_date": view.due_date,
        "issued_at": view.issued_at,
        "status": view.status,
        "allow_payment_after_due": view.allow_payment_after_due,
        "version": view.version,
    }
