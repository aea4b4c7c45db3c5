"""`/management/payments/recurring_payments/`: members' standing orders, which the office may pause and let go."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from clustr.recurring import commands, queries
from clustr.recurring.types import OrderState
from clustr.web.door import Request, once, read
from clustr.web.paging import OfMembersQuery, Page, by_id, last_id, page
from clustr.web.recurring_schemas import RecurringPaymentOut, recurring_payment_out
from clustr.web.schemas import In, Text

router = Router(tags=["Recurring payments"])


class ClusterRecurringPaymentsQuery(OfMembersQuery):
    status: OrderState | None = None
    user_id: UUID | None = None


class PauseRecurringPaymentIn(In):
    """Which standing order is to stop, and why."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"recurring_payment_id": "01998a4e-6f00-7c00-8000-000000000001", "reason": "Its member called."}
            ]
        }
    }

    recurring_payment_id: UUID
    reason: Annotated[str, Text(500)]


class ReleaseRecurringPaymentIn(In):
    """Which standing order its member may resume."""

    model_config = {
        "json_schema_extra": {"examples": [{"recurring_payment_id": "01998a4e-6f00-7c00-8000-000000000001"}]}
    }

    recurring_payment_id: UUID


@router.get("recurring_payments/", response=Page[RecurringPaymentOut], summary="Recurring payments")
def list_recurring_payments(request: Request, query: Query[ClusterRecurringPaymentsQuery]) -> HttpResponse:
    """Newest first. Needs ViewPayments."""

    def work() -> Page[RecurringPaymentOut]:
        rows = queries.recurring_payments_of_cluster(
            actor=request.actor,
            user_id=query.user_id,
            q=query.q,
            state=query.status,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: by_id(row.id), out=recurring_payment_out)

    return read(request, work)


@router.post("pause_recurring_payment/", response=RecurringPaymentOut, summary="Pause a recurring payment")
def pause_recurring_payment_of_member(request: Request, body: PauseRecurringPaymentIn) -> HttpResponse:
    """Its member is told, and may cancel it; they resume it only once the office has let it go
    (`release_recurring_payment/`). Needs ManageRecurring; nobody pauses their own here.

    Refuses with `recurring_payment_not_found`, `recurring_payment_not_active`, `recurring_payment_over`,
    `separation_of_duties`.
    """

    def work() -> RecurringPaymentOut:
        commands.pause_recurring_payment_of_member(
            actor=request.actor,
            recurring_payment_id=body.recurring_payment_id,
            reason=body.reason,
            now=request.now,
        )
        return _shown(request, body.recurring_payment_id)

    return once(request, body, 200, work)


@router.post(
    "release_recurring_payment/", response=RecurringPaymentOut, summary="Let the member resume a recurring payment"
)
def release_recurring_payment_of_member(request: Request, body: ReleaseRecurringPaymentIn) -> HttpResponse:
    """It stays paused until its member, who is told, resumes it. Needs ManageRecurring; nobody lets their own go.

    Refuses with `recurring_payment_not_found`, `recurring_payment_not_held`, `separation_of_duties`.
    """

    def work() -> RecurringPaymentOut:
        commands.release_recurring_payment_of_member(
            actor=request.actor, recurring_payment_id=body.recurring_payment_id, now=request.now
        )
        return _shown(request, body.recurring_payment_id)

    return once(request, body, 200, work)


def _shown(request: Request, recurring_payment_id: UUID) -> RecurringPaymentOut:
    found = queries.recurring_payment_of_cluster(actor=request.actor, recurring_payment_id=recurring_payment_id)
    return recurring_payment_out(found)
