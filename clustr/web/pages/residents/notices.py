"""`/app/notices/`: what somebody was told, and what they want to be told."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.notifications.queries import my_choices, my_notifications, unread_count
from clustr.web.actors import Request
from clustr.web.members import notifications as api
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed


@page("app")
def list_notices(request: Request) -> HttpResponse:
    """GET /app/notices/: newest first; those that a search is for."""
    query = ListQuery.of(request)

    def work() -> Context:
        rows = my_notifications(actor=request.actor, q=query.q, after=begin_after(request, query), limit=query.fetch)
        return {**listed(request, query, rows), "q": query.q, "unread": unread_count(actor=request.actor)}

    return look(request, "pages/residents/notices.html", work, part="pages/residents/notice_rows.html")


@page("app", methods=("POST",))
def mark_read(request: Request) -> HttpResponse:
    """POST /app/notices/read/: all of them."""
    tried = attempt(request, lambda: api.read_notifications(request, api.ReadIn(all=True)))
    return go(request, "app:notices", said=_("All read."), wrong=tried.problem)


@page("app", methods=("GET", "POST"))
def preferences(request: Request) -> HttpResponse:
    """GET, POST /app/notices/preferences/: on which channels each event is told. What cannot be changed is not sent."""
    tried = None
    if request.method == "POST":
        tried = attempt(request, lambda: api.change_preferences(request, _wished(request)))
        if tried.done:
            return go(request, "app:preferences", said=_("Kept."))

    def work() -> Context:
        return {"choices": my_choices(actor=request.actor), "tried": tried}

    return look(request, "pages/residents/preferences.html", work, status=tried.status if tried else 200)


def _wished(request: Request) -> api.PreferencesIn:
    """Every choice the form showed, in `shown`; those that are ticked, in `wanted`."""
    wanted = set(request.POST.getlist("wanted"))
    wishes = []
    for each in request.POST.getlist("shown"):
        event, _colon, channel = each.partition(":")
        wishes.append({"event": event, "channel": channel, "enabled": each in wanted})
    return api.PreferencesIn.model_validate({"preferences": wishes})
