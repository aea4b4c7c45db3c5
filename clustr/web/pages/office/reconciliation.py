"""How the estate's books stand beside its providers', and the cases that a person must look at."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.payments.case_queries import cases_of_cluster
from clustr.settlement.queries import positions_with_providers, reconciliation_runs
from clustr.web.actors import Request
from clustr.web.management import reconciliation as api
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office.case_words import CASE, facts_of
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id


@page("office")
def reconciliation(request: Request) -> HttpResponse:
    """GET /office/reconciliation/: what providers hold, the last comparisons, and open cases. Needs ViewWallet."""
    return _seen(request, None)


@page("office", methods=("POST",))
def case(request: Request, case_id: UUID) -> HttpResponse:
    """POST /office/reconciliation/cases/{id}/: take a case, or close it with what was done. Needs TransferFunds."""
    if request.POST.get("step") == "take":
        tried = attempt(request, lambda: api.take_case(request, case_id))
        said = _("The case is yours.")
    else:
        tried = attempt(request, lambda: api.close_case(request, case_id, api.CloseIn(**typed(request, "note"))))
        said = _("The case is closed.")
    return go(request, "office:reconciliation", said=said) if tried.done else _seen(request, tried)


def _seen(request: Request, tried: Attempt | None) -> HttpResponse:
    query = asked(request, api.CaseQuery)

    def cases() -> Context:
        rows = cases_of_cluster(
            actor=request.actor,
            only_open=query.open,
            found=query.found({kind: str(said) for kind, said in CASE.items()}),
            before=last_id(request, query),
            limit=query.fetch,
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.id)),
            "query": query,
            "kinds": CASE,
            "facts": {row.id: facts_of(row.facts) for row in rows},
            "names": names_here(user_ids={row.owner_id for row in rows if row.owner_id}),
        }

    def work() -> Context:
        return {
            **cases(),
            "tried": tried,
            "positions": positions_with_providers(actor=request.actor),
            "runs": reconciliation_runs(actor=request.actor),
        }

    return look(
        request,
        "pages/office/reconciliation.html",
        work,
        part="" if tried else "pages/office/parts/cases_rows.html",
        part_work=cases,
        status=tried.status if tried else 200,
        at=reverse("office:reconciliation"),
    )
