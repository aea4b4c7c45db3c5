"""The office's bills: the list, one bill with each member's standing, reminders, and the export."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from clustr.bills.office_queries import bill_of_cluster, bills_of_cluster, members_of_bill
from clustr.bills.types import BillCategory, BilledMember
from clustr.clusters.member_queries import names_here
from clustr.web.actors import Request
from clustr.web.csv_answers import csv_answer
from clustr.web.management import bills as api
from clustr.web.management import reminders
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.charts import part_of
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id

_CSV_HEADER = ("name", "unit", "status", "amount_due", "amount_paid", "amount_remaining", "currency", "acknowledged_at")


@page("office")
def bills(request: Request) -> HttpResponse:
    """GET /office/bills/: newest first, by status, type and whom they are for. What members buy for themselves stands under
    utilities. Needs ViewPayments."""
    query = asked(request, api.BillsQuery)

    def work() -> Context:
        rows = bills_of_cluster(
            actor=request.actor,
            chosen=replace(query.as_filter(), category=BillCategory.CLUSTER_MANAGED),
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.id)),
            "query": query,
            "statuses": words.bill_statuses(),
            "types": words.bill_types(),
        }

    return look(request, "pages/office/bills.html", work, part="pages/office/parts/bills_rows.html")


@page("office")
def bill(request: Request, bill_id: UUID) -> HttpResponse:
    """GET /office/bills/{id}/: what it asks of whom, how much came in, and where each member stands."""
    query = asked(request, api.BillMembersQuery)

    def work() -> Context:
        view = bill_of_cluster(actor=request.actor, bill_id=bill_id, now=request.now)
        members: list[BilledMember] = []
        if request.actor.may("ViewPayments"):
            members = members_of_bill(
                actor=request.actor,
                bill_id=bill_id,
                status=query.status,
                unpaid=query.unpaid,
                q=query.q,
                now=request.now,
                after=last_id(request, query),
                limit=query.fetch,
            )
        return {
            **listed(request, query, members, key=lambda row: by_id(row.user_id)),
            "bill": view,
            "query": query,
            "collected_part": part_of(view.totals.collected_minor, view.totals.billed_minor),
            "paid_part": part_of(view.totals.paid_count, view.totals.members_billed),
            "acknowledged_part": part_of(view.totals.acknowledged_count, view.totals.members_billed),
            "can_remind": bool(view.amount_remaining.minor)
            and (view.allow_payment_after_due or request.now <= view.due_date),
            "names": names_here(user_ids={view.created_by, *([view.user_id] if view.user_id else [])}),
            "statuses": words.member_statuses(),
        }

    return look(request, "pages/office/bill.html", work, part="pages/office/parts/bill_members.html")


@page("office", methods=("POST",))
def remind(request: Request, bill_id: UUID) -> HttpResponse:
    """POST /office/bills/{id}/remind/: whoever still owes is told again, once a day. Needs ManageBill."""
    tried = attempt(request, lambda: reminders.remind_of_bill(request, bill_id))
    if not tried.done:
        return look(
            request, "pages/office/not_done.html", lambda: {"tried": tried, "back": bill_id}, status=tried.status
        )
    return go(request, "office:bill", bill_id, said=_("Everybody who still owes on this bill is being reminded."))


@page("office")
def bill_members_csv(request: Request, bill_id: UUID) -> HttpResponseBase:
    """GET /office/bills/{id}/members.csv: every member the bill reaches, streamed. Needs ViewPayments."""
    query = asked(request, api.BillMembersQuery)
    zone = ZoneInfo(request.actor.timezone)

    def fetch(after: UUID | None, limit: int) -> list[BilledMember]:
        return members_of_bill(
            actor=request.actor,
            bill_id=bill_id,
            status=query.status,
            unpaid=query.unpaid,
            q=query.q,
            now=request.now,
            after=after,
            limit=limit,
        )

    return csv_answer(
        request,
        name=f"bill-{bill_id}-members",
        header=_CSV_HEADER,
        fetch=fetch,
        key=lambda row: row.user_id,
        row=lambda row: (
            row.name,
            row.unit or "",
            row.status.value,
            str(row.amount_due),
            str(row.amount_paid),
            str(row.amount_remaining),
            row.amount_due.currency,
            _local(row.acknowledged_at, zone),
        ),
    )


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else ""
