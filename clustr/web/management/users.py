"""`/management/payments/users/`: the members, each with how they stand with their bills."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.bills.directory import BillStatusCard, ListedMember, members_with_bill_status
from clustr.bills.types import MemberStatus
from clustr.clusters.types import Role
from clustr.web.bill_schemas import StatusFilter
from clustr.web.door import Request, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import AmountOut, Currency, Instant, Out, Text

router = Router(tags=["Members"])


class UsersQuery(PageQuery):
    q: Annotated[str, Text(100, empty=True)] = Field("", description="Beginnings of words: name, e-mail, phone, unit.")
    status: StatusFilter | None = Field(None, description="Members with at least one bill that stands so.")


class BillStatusOut(Out):
    """How one member stands with all their bills: how many in each status, and what is still to be paid."""

    pending_acknowledgment: int
    acknowledged: int
    disputed: int
    overdue: int
    partially_paid: int
    paid: int
    amount_outstanding: AmountOut
    currency: Currency
    next_due_date: Instant | None = Field(description="Of what is still to be paid and not overdue.")


class UserOut(Out):
    """A present member. A person who both manages and lives here is listed once for each."""

    user_id: UUID
    name: str
    email: str
    unit: str | None
    role: Role
    joined_at: Instant
    bill_status: BillStatusOut


@router.get("users/", response=Page[UserOut], summary="Members and their bills")
def list_users(request: Request, query: Query[UsersQuery]) -> HttpResponse:
    """The present members in the order they were added. Needs ViewPayments."""

    def work() -> Page[UserOut]:
        rows = members_with_bill_status(
            actor=request.actor,
            now=request.now,
            q=query.q,
            status=query.status,
            after=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.member.id), out=_user_out)

    return read(request, work)


def _user_out(row: ListedMember) -> UserOut:
    member = row.member
    return UserOut(
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        unit=member.unit,
        role=member.role,
        joined_at=member.joined_at,
        bill_status=_bill_status_out(row.bill_status),
    )


def _bill_status_out(card: BillStatusCard) -> BillStatusOut:
    return BillStatusOut(
        pending_acknowledgment=card.counts[MemberStatus.PENDING_ACKNOWLEDGMENT],
        acknowledged=card.counts[MemberStatus.ACKNOWLEDGED],
        disputed=card.counts[MemberStatus.DISPUTED],
        overdue=card.counts[MemberStatus.OVERDUE],
        partially_paid=card.counts[MemberStatus.PARTIALLY_PAID],
        paid=card.counts[MemberStatus.PAID],
        amount_outstanding=str(card.outstanding),
        currency=card.outstanding.currency,
        next_due_date=card.next_due_date,
    )
