"""`/management/payments/disputes/`: what members object to, and the office's answer."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.bills import commands
from clustr.bills.dispute_queries import dispute_view, disputes_of_cluster
from clustr.bills.types import DisputeState, DisputeView, Resolution
from clustr.web.door import Request, once, read
from clustr.web.paging import OfMembersQuery, Page, by_id, last_id, page
from clustr.web.schemas import AmountOrZero, In, Instant, Out, Text, to_money

router = Router(tags=["Disputes"])


class DisputesQuery(OfMembersQuery):
    status: DisputeState | None = None


class DisputeOut(Out):
    """A member's objection to a bill, and how it ended."""

    id: UUID
    bill_id: UUID
    bill_number: str
    bill_title: str
    user_id: UUID
    name: str
    reason: str
    status: DisputeState
    opened_at: Instant
    closed_at: Instant | None
    closed_by: UUID | None
    note: str = Field(description="What was said when it was closed.")


class ResolveDisputeIn(In):
    """How a dispute ends."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "dispute_id": "01998a4e-6f00-7c00-8000-000000000001",
                    "resolution": "upheld",
                    "amount_due": "2500.00",
                    "note": "Half the quarter was without water.",
                }
            ]
        }
    }

    dispute_id: UUID
    resolution: Resolution
    amount_due: AmountOrZero | None = Field(
        None, description='With `upheld`: what the member owes instead; "0.00" when absent.'
    )
    note: Annotated[str, Text(2_000, lines=True)] = Field(description="Said to the member, and kept in the trail.")


@router.get("disputes/", response=Page[DisputeOut], summary="Disputes")
def list_disputes(request: Request, query: Query[DisputesQuery]) -> HttpResponse:
    """Newest first. Needs ViewPayments."""

    def work() -> Page[DisputeOut]:
        rows = disputes_of_cluster(
            actor=request.actor,
            state=query.status,
            q=query.q,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=dispute_out)

    return read(request, work)


@router.post("resolve_dispute/", response=DisputeOut, summary="End a dispute")
def resolve_dispute(request: Request, body: ResolveDisputeIn) -> HttpResponse:
    """Uphold it, and lower what that member owes; or reject it. Needs ManageBill; nobody resolves their own.

    Refuses with `dispute_not_found`, `dispute_closed`, `amount_below_paid`, `separation_of_duties`.
    """

    def work() -> DisputeOut:
        amount = body.amount_due
        commands.resolve_dispute(
            actor=request.actor,
            dispute_id=body.dispute_id,
            resolution=body.resolution,
            amount_due=to_money(amount, request.actor.currency, field="amount_due") if amount is not None else None,
            note=body.note,
            now=request.now,
        )
        return dispute_out(dispute_view(actor=request.actor, dispute_id=body.dispute_id))

    return once(request, body, 200, work)


def dispute_out(view: DisputeView) -> DisputeOut:
    """A dispute as the office sees it."""
    return DisputeOut(
        id=view.id,
        bill_id=view.bill_id,
        bill_number=view.bill_number,
        bill_title=view.bill_title,
        user_id=view.user_id,
        name=view.name,
        reason=view.reason,
        status=view.state,
        opened_at=view.opened_at,
        closed_at=view.closed_at,
        closed_by=view.closed_by,
        note=view.note,
    )
