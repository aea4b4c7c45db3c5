"""Members' recurring payments, as the office sees them, pausing one and letting it go."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.recurring import queries
from clustr.recurring.types import OrderState, StoppedBy
from clustr.web.actors import Request
from clustr.web.management import recurring_payments as api
from clustr.web.pages.forms import attempt, go, typed
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id


@page("office")
def recurring(request: Request) -> HttpResponse:
    """GET /office/recurring/: newest first. Needs ViewPayments."""
    query = asked(request, api.ClusterRecurringPaymentsQuery)

    def work() -> Context:
        rows = queries.recurring_payments_of_cluster(
            actor=request.actor,
            user_id=query.user_id,
            q=query.q,
            state=query.status,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.id)),
            "query": query,
            "states": words.order_states(),
            "names": names_here(user_ids={row.user_id for row in rows}),
        }

    return look(request, "pages/office/recurring.html", work, part="pages/office/parts/recurring_rows.html")


@page("office", methods=("GET", "POST"))
def pause(request: Request, recurring_payment_id: UUID) -> HttpResponse:
    """/office/recurring/{id}/: one recurring payment; pausing it for a reason its member reads, and letting its member
    resume it. Needs ManageRecurring."""
    request.actor.require("ManageRecurring")
    tried, said = None, ""
    if request.POST.get("step") == "release":
        body = api.ReleaseRecurringPaymentIn(recurring_payment_id=recurring_payment_id)
        tried = attempt(request, lambda: api.release_recurring_payment_of_member(request, body))
        said = _("Its member may resume it, and is being told.")
    elif request.POST:
        said = _("Paused. Its member is being told.")
        tried = attempt(
            request,
            lambda: api.pause_recurring_payment_of_member(
                request,
                api.PauseRecurringPaymentIn(recurring_payment_id=recurring_payment_id, **typed(request, "reason")),
            ),
        )
    if tried and tried.done:
        return go(request, "office:pause", recurring_payment_id, said=said)

    def work() -> Context:
        order = queries.recurring_payment_of_cluster(actor=request.actor, recurring_payment_id=recurring_payment_id)
        return {
            "tried": tried,
            "order": order,
            "held": order.state is OrderState.PAUSED and order.stopped_by is StoppedBy.OFFICE,
            "names": names_here(user_ids=[order.user_id]),
            "mine": order.user_id == request.actor.user_id,
        }

    return look(request, "pages/office/pause.html", work, status=tried.status if tried else 200)
