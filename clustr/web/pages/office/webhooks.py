"""Webhooks: where the estate's own systems hear of its events, and the log of what was sent there."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.kit.ids import parse_id
from clustr.notifications.catalogue import EVENTS
from clustr.notifications.commands.endpoints import MOST_ENDPOINTS
from clustr.notifications.endpoint_queries import LOOKED_THROUGH, calls_of, endpoint_of, endpoints_of, goes_further
from clustr.notifications.types import CallsSought
from clustr.web.actors import Request
from clustr.web.management import webhooks as api
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import called
from clustr.web.pages.office import words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.office.members import SearchQuery
from clustr.web.paging import by_id, last_id

_STATUS_LENGTH = 3
Act = tuple[Callable[..., HttpResponse], str]


@page("office")
def webhooks(request: Request) -> HttpResponse:
    """GET /office/settings/webhooks/: the addresses that are told. Needs ManageMembers."""

    def work() -> Context:
        found = endpoints_of(actor=request.actor)
        return {"endpoints": found, "most": MOST_ENDPOINTS, "full": len(found) >= MOST_ENDPOINTS}

    return look(request, "pages/office/webhooks.html", work)


@page("office", methods=("GET", "POST"))
def new_webhook(request: Request) -> HttpResponse:
    """/office/settings/webhooks/new/: add one; its secret is shown once, in the answer. Needs ManageMembers."""
    request.actor.require("ManageMembers")
    tried = None
    if request.POST:
        tried = attempt(
            request,
            lambda: api.create_webhook_endpoint(
                request,
                api.EndpointIn(**typed(request, "url", "description"), events=request.POST.getlist("events")),
            ),
        )
        if tried.answer:
            return _secret(request, tried.answer)
    chosen = set(request.POST.getlist("events"))
    events = [(event.value, _(kind.what), event.value in chosen) for event, kind in EVENTS.items() if kind.webhooks]
    shown = {"tried": tried, "events": events}
    return look(request, "pages/office/new_webhook.html", lambda: shown, status=tried.status if tried else 200)


@page("office")
def webhook(request: Request, endpoint_id: UUID) -> HttpResponse:
    """GET /office/settings/webhooks/{id}/: how it stands, and what was sent there. Needs ManageMembers."""
    return _one(request, endpoint_id, None)


@page("office", methods=("POST",))
def new_secret(request: Request, endpoint_id: UUID) -> HttpResponse:
    """POST /office/settings/webhooks/{id}/secret/: a new secret, shown once, in the answer. Needs ManageMembers."""
    tried = attempt(request, lambda: api.rotate_webhook_secret(request, endpoint_id))
    return _secret(request, tried.answer) if tried.answer else _one(request, endpoint_id, tried)


@page("office", methods=("POST",))
def change(request: Request, endpoint_id: UUID) -> HttpResponse:
    """POST /office/settings/webhooks/{id}/change/: switch it off or on, or remove it. Needs ManageMembers."""
    acts: dict[str, Act] = {
        "disable": (api.disable_webhook_endpoint, _("Switched off. Nothing is sent there until you switch it on.")),
        "enable": (api.enable_webhook_endpoint, _("Switched on. What happens from now on is sent there.")),
        "remove": (api.remove_webhook_endpoint, _("Removed. Nothing is sent there any more.")),
    }
    step = request.POST.get("step", "")
    act, said = acts.get(step, acts["disable"])
    tried = attempt(request, lambda: act(request, endpoint_id))
    if not tried.done:
        return _one(request, endpoint_id, tried)
    if step == "remove":
        return go(request, "office:webhooks", said=said)
    return go(request, "office:webhook", endpoint_id, said=said)


@page("office", methods=("POST",))
def send_again(request: Request, endpoint_id: UUID) -> HttpResponse:
    """POST /office/settings/webhooks/{id}/again/: one event of the log once more. Needs ManageMembers."""
    tried = attempt(
        request,
        lambda: api.redeliver(request, endpoint_id, api.RedeliveryPath(**typed(request, "delivery_id")).delivery_id),
    )
    if not tried.done:
        return _one(request, endpoint_id, tried)
    return go(request, "office:webhook", endpoint_id, said=_("It is being sent again, under the same id."))


def _sought(q: str) -> CallsSought:
    """The calls whose event, state or answer, as the page says them, has `q` in it; or of which it is the id."""
    answered = q.upper().removeprefix("HTTP").strip()
    is_status = answered.isascii() and answered.isdecimal() and len(answered) == _STATUS_LENGTH
    return CallsSought(
        events=called(q, {event: f"{_(kind.what)}\n{event}" for event, kind in EVENTS.items() if kind.webhooks}),
        states=called(q, {state: said for state, (said, _tone) in words.CALL_STATE.items()}),
        whys=called(q, words.CALL_WHY),
        http_status=int(answered) if is_status else None,
        id=_id_of(q),
    )


def _id_of(text: str) -> UUID | None:
    try:
        return parse_id(text)
    except ValueError:
        return None


def _secret(request: Request, answer: dict[str, str]) -> HttpResponse:
    """The only page that shows a secret. Sent again, its form gets the same answer, until there is a newer one."""
    shown = {"endpoint": answer, "onward": reverse("office:webhook", args=[answer["id"]])}
    return look(request, "pages/office/webhook_secret.html", lambda: shown)


def _one(request: Request, endpoint_id: UUID, tried: Attempt | None) -> HttpResponse:
    query = asked(request, SearchQuery)

    def work() -> Context:
        actor, after = request.actor, last_id(request, query)
        sought = _sought(query.q) if query.q else None
        rows = calls_of(actor=actor, endpoint_id=endpoint_id, sought=sought, after=after, limit=query.fetch)
        shown = listed(request, query, rows, key=lambda row: by_id(row.event_id))
        ends = sought and not sought.id and not shown["next"]
        return {
            "query": query,
            **shown,
            "cut": LOOKED_THROUGH if ends and goes_further(actor=actor, endpoint_id=endpoint_id, after=after) else None,
            "tried": tried,
            "endpoint": endpoint_of(actor=request.actor, endpoint_id=endpoint_id),
            "events": {event: _(kind.what) for event, kind in EVENTS.items()},
            "states": words.CALL_STATE,
            "whys": words.CALL_WHY,
        }

    status = tried.status if tried else 200
    part, here = "pages/office/parts/calls_rows.html", reverse("office:webhook", args=[endpoint_id])
    return look(request, "pages/office/webhook.html", work, part=part, status=status, at=here)
