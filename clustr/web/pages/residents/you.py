"""`/app/you/`: who I am here and what I am called, what keeps my account safe, how ClustR looks, and everything held about me."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.queries import estates_of
from clustr.people.queries import contacts_of
from clustr.web.actors import Request
from clustr.web.members import profile as api
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look, page


@page("app")
def show_you(request: Request) -> HttpResponse:
    """GET /app/you/."""

    several = len(estates_of(user_id=request.signed_in.user_id, now=request.now)) > 1

    def work() -> Context:
        member_id = request.actor.member_id
        return {"person": contacts_of(user_ids=[member_id]).get(member_id), "several": several}

    return look(request, "pages/residents/you.html", work)


@page("app", methods=("GET", "POST"))
def change_name(request: Request) -> HttpResponse:
    """GET, POST /app/you/name/: what I am called, in every estate of mine."""
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.change_profile(request, api.ProfileIn(name=request.POST.get("name", ""))))
        if tried.done:
            return go(request, "app:you", said=_("Your name is changed."))

    def work() -> Context:
        member_id = request.actor.member_id
        return {"person": contacts_of(user_ids=[member_id]).get(member_id), "tried": tried}

    return look(request, "pages/residents/name.html", work, status=tried.status if tried else 200)


@page("app")
def export(request: Request) -> HttpResponse:
    """GET /app/you/export/: everything held about me, as a file."""
    return api.export_my_data(request)
