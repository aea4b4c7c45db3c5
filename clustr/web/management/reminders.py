"""`/management/payments/bills/{id}/remind/`: the office reminds whoever has not paid."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from clustr.bills import commands
from clustr.bills.office_queries import bill_of_cluster
from clustr.web.bill_schemas import SingleBillOut, single_bill_out
from clustr.web.door import Request, once

router = Router(tags=["Bills"])


@router.post("bills/{bill_id}/remind/", response=SingleBillOut, summary="Remind who has not paid")
def remind_of_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """Whoever still owes and does not dispute is told again; once a day. Needs ManageBill.

    Refuses with `bill_not_found`, `bill_managed_by_member`, `bill_cancelled`, `nobody_owes`, `already_reminded`.
    """

    def work() -> SingleBillOut:
        commands.remind_of_bill(actor=request.actor, bill_id=bill_id, now=request.now)
        return single_bill_out(bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now))

    return once(request, None, 200, work)
