"""The office's disputes: those that wait first, and the answer to one."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.bills.dispute_queries import dispute_of_cluster, disputes_of_cluster
from clustr.bills.queries import bill_of_member
from clustr.bills.types import DisputeState, Resolution
from clustr.clusters.member_queries import names_here
from clustr.web.actors import Request
from clustr.web.management import disputes as api
from clustr.web.pages.forms import attempt, go, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.words import STATUS
from clustr.web.paging import by_id, last_id


@page("office")
def disputes(request: Request) -> HttpResponse:
    """GET /office/disputes/: open ones unless another state is asked for. Needs ViewPayments."""
    query = asked(request, api.DisputesQuery)
    if "status" not in request.GET:
        query = query.model_copy(update={"status": DisputeState.OPEN})

    def work() -> Context:
        rows = disputes_of_cluster(
            actor=request.actor,
            state=query.status,
            q=query.q,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.id)),
            "query": query,
            "states": [(state.value, STATUS[state][0]) for state in DisputeState],
        }

    return look(request, "pages/office/disputes.html", work, part="pages/office/parts/disputes_rows.html")


@page("office", methods=("GET", "POST"))
def dispute(request: Request, dispute_id: UUID) -> HttpResponse:
    """/office/disputes/{id}/: what was said, how the member stands, and the decision. Deciding needs ManageBill."""
    tried = None
    if request.POST:
        tried = attempt(request, lambda: api.resolve_dispute(request, _typed_decision(request, dispute_id)))
        if tried.done:
            return go(request, "office:disputes", said=_("Decided. The member is being told."))

    def work() -> Context:
        found = dispute_of_cluster(actor=request.actor, dispute_id=dispute_id)
        return {
            "tried": tried,
            "dispute": found,
            "standing": bill_of_member(
                cluster_id=request.actor.cluster_id, user_id=found.user_id, bill_id=found.bill_id, now=request.now
            ),
            "names": names_here(user_ids=[found.closed_by] if found.closed_by else []),
            "mine": found.user_id == request.actor.user_id,
        }

    return look(request, "pages/office/dispute.html", work, status=tried.status if tried else 200)


def _typed_decision(request: Request, dispute_id: UUID) -> api.ResolveDisputeIn:
    upheld = request.POST.get("resolution") == Resolution.UPHELD
    return api.ResolveDisputeIn(
        dispute_id=dispute_id,
        resolution=request.POST.get("resolution", ""),
        note=request.POST.get("note", "").strip().replace("\r\n", "\n"),
        **(typed_amount(request, "amount_due") if upheld else {}),
    )
