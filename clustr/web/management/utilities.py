"""`/management/payments/utility_payments/`: how utilities do in the estate. No numbers and no tokens of members."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Query, Router

from clustr.payments.states import TransactionStatus
from clustr.recurring.automation_queries import automation_sums_of_cluster
from clustr.utilities.office_queries import utility_payments_of_cluster, utility_sums_of_cluster
from clustr.web.automation_schemas import AutomationSumsOut, automation_sums_out
from clustr.web.door import Request, read
from clustr.web.paging import OfMembersQuery, Page, by_id, last_id, page
from clustr.web.schemas import Out
from clustr.web.utility_schemas import (
    ServiceType,
    UtilityPaymentOut,
    UtilitySumsOut,
    utility_payment_out,
    utility_sums_out,
)

router = Router(tags=["Utilities"])


class UtilityPaymentsQuery(OfMembersQuery):
    service_type: ServiceType | None = None
    status: TransactionStatus | None = None


class UtilityPaymentsOut(Out):
    """The last thirty days in sum, and the members' purchases page by page."""

    sums: UtilitySumsOut
    automations: AutomationSumsOut
    payments: Page[UtilityPaymentOut]


@router.get("utility_payments/", response=UtilityPaymentsOut, summary="Utility payments")
def list_utility_payments(request: Request, query: Query[UtilityPaymentsQuery]) -> HttpResponse:
    """Adoption, volume, success and recovery, and how automations do; newest purchases first. Needs ViewPayments."""

    def work() -> UtilityPaymentsOut:
        rows = utility_payments_of_cluster(
            actor=request.actor,
            service_type=query.service_type,
            status=query.status,
            q=query.q,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        sums = utility_sums_of_cluster(actor=request.actor, now=request.now)
        automations = automation_sums_of_cluster(actor=request.actor, now=request.now)
        return UtilityPaymentsOut(
            sums=utility_sums_out(sums),
            automations=automation_sums_out(automations, residents=sums.residents),
            payments=page(request, query, rows, key=lambda row: by_id(row.id), out=utility_payment_out),
        )

    return read(request, work)
