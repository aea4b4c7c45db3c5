"""`/app/notices/`: what somebody was told, and what they want to be told."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clustr.notifications.queries import my_choices, my_notifications, unread_count
from clustr.notifications.types import EventChoices
from clustr.web.actors import Request
from clustr.web.members import notifications as api
from clustr.web.pages.forms import attempt, go
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed

IF_IT_WAS_NOT_YOU = frozenset(
    {
        *("bill_acknowledged", "payment_confirmed", "pin_locked", "pin_reset", "recurring_payment_set_up"),
        *("utility_automation_resumed", "utility_automation_set_up", "wallet_credited"),
    }
)
"""Notices whose further text is only for whom it was not: it is shown when they ask for it. Any other's says what to do, or
why, and stands there."""
_BILLS, _MONEY = gettext_lazy("Bills"), gettext_lazy("Payments and wallet")
_GROUPS: tuple[tuple[str, str | Promise], ...] = (
    ("payment_due", _BILLS),
    ("bill_", _BILLS),
    ("dispute_", _BILLS),
    ("acknowledgment_", gettext_lazy("The estate")),
    ("cluster_", gettext_lazy("The estate")),
    ("admin_", gettext_lazy("The estate")),
    ("recurring_", gettext_lazy("Recurring payments")),
    ("utility_automation", gettext_lazy("Bought automatically")),
    ("utility_", gettext_lazy("Utilities")),
    ("pin_", gettext_lazy("Safety")),
    ("new_payee", gettext_lazy("Safety")),
    ("", _MONEY),
)
"""What an event's name begins with, and under which heading it can be chosen; the first that fits counts."""


@page("app")
def list_notices(request: Request) -> HttpResponse:
    """GET /app/notices/: newest first; those that a search is for."""
    query = ListQuery.of(request)

    def work() -> Context:
        rows = my_notifications(actor=request.actor, q=query.q, after=begin_after(request, query), limit=query.fetch)
        return {
            **listed(request, query, rows),
            "q": query.q,
            "if_it_was_not_you": IF_IT_WAS_NOT_YOU,
            "unread": unread_count(actor=request.actor),
        }

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
        return {"groups": _grouped(my_choices(actor=request.actor)), "tried": tried}

    return look(request, "pages/residents/preferences.html", work, status=tried.status if tried else 200)


def _grouped(choices: list[EventChoices]) -> list[tuple[str | Promise, list[EventChoices]]]:
    """Under each heading, in the order in which each first comes, what can be chosen there."""
    found: dict[str, tuple[str | Promise, list[EventChoices]]] = {}
    for row in choices:
        said = next(said for start, said in _GROUPS if row.event.startswith(start))
        found.setdefault(str(said), (said, []))[1].append(row)
    return list(found.values())


def _wished(request: Request) -> api.PreferencesIn:
    """Every choice the form showed, in `shown`; those that are ticked, in `wanted`."""
    wanted = set(request.POST.getlist("wanted"))
    wishes = []
    for each in request.POST.getlist("shown"):
        event, _colon, channel = each.partition(":")
        wishes.append({"event": event, "channel": channel, "enabled": each in wanted})
    return api.PreferencesIn.model_validate({"preferences": wishes})
