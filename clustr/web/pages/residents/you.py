"""`/app/you/`: who I am here, what keeps my account safe, how ClustR looks, and everything held about me."""

from __future__ import annotations

from django.http import HttpResponse

from clustr.people.queries import contacts_of
from clustr.web.actors import Request
from clustr.web.members.profile import export_my_data
from clustr.web.pages.frame import Context, look, page


@page("app")
def show_you(request: Request) -> HttpResponse:
    """GET /app/you/."""

    def work() -> Context:
        member_id = request.actor.member_id
        return {"person": contacts_of(user_ids=[member_id]).get(member_id)}

    return look(request, "pages/residents/you.html", work)


@page("app")
def export(request: Request) -> HttpResponse:
    """GET /app/you/export/: everything held about me, as a file."""
    return export_my_data(request)
