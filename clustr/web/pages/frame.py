"""What every page shares: who asks and in which estate, the frame around it, and refusals as pages.

@page("app")
def home(request: Request) -> HttpResponse:
    return look(request, "pages/residents/home.html", lambda: {"wallet": my_wallet(actor=request.actor)})
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from clustr.clusters.refusals import ClusterNotFound, ClusterRequired, InvitationNotAccepted
from clustr.kit.errors import Refusal
from clustr.kit.ids import parse_id
from clustr.kit.sentences import for_people
from clustr.notifications.queries import estate_of, unread_things
from clustr.people import queries as people
from clustr.web import errors
from clustr.web.actors import Request, note_signed_in
from clustr.web.door import actor_of, read_value
from clustr.web.pages.navigation import Link, navigation
from clustr.web.refusals import DoorError, MethodNotAllowed, PageNotFound

Context = dict[str, Any]
PageView = Callable[..., HttpResponseBase]

ESTATE = "estate"
"""Under this name the session keeps which of several estates its person chose."""
_OFFICE_ROLES = ("admin", "staff")
UNREAD_SHOWN = 100
"""The bell counts so far: it says "99+" of more."""


def page(area: str, *, methods: tuple[str, ...] = ("GET",), estate: bool = True) -> Callable[[PageView], PageView]:
    """A page of an area, for who is signed in; others are asked to sign in first. `estate`: it is about one estate, whose
    actor stands in `request.actor` and whose time zone everything is shown in. The office's pages are there for the
    office only: whoever else asks hears that there is nothing."""

    def decorate(view: PageView) -> PageView:
        @wraps(view)
        def shown(request: Request, *args: Any, **named: Any) -> HttpResponseBase:
            request.__dict__["area"] = area
            try:
                answer = _answer(request, area, methods, estate, lambda: view(request, *args, **named))
            except (Refusal, DoorError, DatabaseError, InterfaceError) as error:
                answer = refused(request, error)
            answer.setdefault("Cache-Control", "no-store")
            answer["X-Robots-Tag"] = "noindex"
            return answer

        return cast(PageView, shown)

    return decorate


def _answer(
    request: Request, area: str, methods: tuple[str, ...], estate: bool, view: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    if request.method not in (*methods, *(("HEAD",) if "GET" in methods else ())):
        raise MethodNotAllowed(headers={"Allow": ", ".join(methods)})
    if not note_signed_in(request):
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': _where_to(request)})}")
    if not estate:
        return view()
    request.__dict__["estate_id"] = chosen_estate(request)
    try:
        actor = actor_of(request)
    except (ClusterRequired, InvitationNotAccepted, ClusterNotFound):
        request.session.pop(ESTATE, None)
        return HttpResponseRedirect(f"{reverse('estates')}?{urlencode({'next': _where_to(request)})}")
    if area == "office" and actor.role not in _OFFICE_ROLES:
        raise PageNotFound
    with timezone.override(zoneinfo.ZoneInfo(actor.timezone)):
        return view()


def zone_of(request: Request) -> zoneinfo.ZoneInfo | None:
    """The time zone of the estate that is chosen, for pages about no estate; None where there is no such."""
    if not note_signed_in(request):
        return None
    request.__dict__["estate_id"] = chosen_estate(request)
    try:
        return zoneinfo.ZoneInfo(actor_of(request).timezone)
    except (ClusterRequired, InvitationNotAccepted, ClusterNotFound):
        return None


def chosen_estate(request: HttpRequest) -> UUID | None:
    """Which estate the session's person chose; None: they have only one, or none was chosen yet."""
    kept = request.session.get(ESTATE)
    return parse_id(kept) if kept else None


def look(
    request: Request,
    template: str,
    work: Callable[[], Context] = dict,
    *,
    part: str = "",
    part_work: Callable[[], Context] | None = None,
    status: int = 200,
    at: str = "",
) -> HttpResponse:
    """The page that `template` makes of what `work` reads, in one read-only transaction together with what stands around
    it. `part`: the template of what changes in it, which is all that htmx is given; made of what `part_work` reads, where
    that is less. `at`: its own address, of a page that also answers forms sent elsewhere: what leads on from it, such as a
    search, leads on from there."""
    request.path = at or request.path
    partly = bool(part) and request.headers.get("HX-Request") == "true"

    def reading() -> Context:
        if partly:
            return (part_work or work)()
        return {**_surroundings(request), **work()}

    answer = render(request, part if partly else template, read_value(request, reading), status=status)
    if part:
        answer["Vary"] = "HX-Request, Cookie"
    return answer


def _surroundings(request: Request) -> Context:
    actor, area = request.actor, request.__dict__["area"]
    return {
        "shell": {
            "area": area,
            "estate": estate_of(cluster_id=actor.cluster_id),
            "person": people.names_of(user_ids=[actor.member_id]).get(actor.member_id, ""),
            "unread": unread_things(actor=actor, most=UNREAD_SHOWN),
            "links": links_of(request, area),
            "works_here": actor.role in _OFFICE_ROLES,
        }
    }


def around_account(request: HttpRequest) -> Context:
    """For the pages of one's own account, which are sign-in's: what stands around a resident's page, and the layout it makes;
    none around who has no estate, or has not chosen one."""
    asked = cast(Request, request)
    if zone_of(asked) is None:
        return {"layout": "pages/alone.html"}
    request.__dict__["area"] = "app"
    return {"layout": "pages/base.html", **read_value(asked, lambda: _surroundings(asked))}


def links_of(request: Request, area: str) -> list[Context]:
    """The area's navigation for who asks, with the place where this page stands marked."""
    links = navigation(area, permissions=request.actor.permissions)
    nearest = max(links, key=lambda link: link.depth(request.path), default=None)
    here = nearest if nearest and nearest.depth(request.path) > 0 else None
    return [_shown(request, link, here) for link in links]


def _shown(request: Request, link: Link, here: Link | None) -> Context:
    kept = request.GET.get(link.keeps, "") if link.keeps else ""
    return {
        "label": link.label,
        "icon": link.icon,
        "address": f"{link.address}?{urlencode({link.keeps: kept})}" if kept else link.address,
        "here": link is here,
        "leads_here": here is not None and here.behind == link.name,
        "on_phone": link.on_phone,
        "heading": link.heading,
    }


def refused(request: HttpRequest, error: Exception) -> HttpResponse:
    """A refusal as a page: what happened, and the way on. Nothing of it is another person's."""
    problem = errors.of_exception(request, error)
    return problem_page(request, problem.status_code, error if isinstance(error, Refusal) else None)


def problem_page(request: HttpRequest, status: int, refusal: Refusal | None = None) -> HttpResponse:
    """The page for an address that is not there, not allowed, not to be had now, or broken."""
    context = {
        "status": status,
        "said": for_people(refusal.detail) if refusal else "",
        "request_id": errors.request_id_of(request),
        "not_there": status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED),
        "passing": status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.LOCKED),
    }
    answer = render(request, "pages/problem.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def _where_to(request: HttpRequest) -> str:
    """Where somebody goes on to after signing in: this page, if it was asked to be shown."""
    return request.get_full_path() if request.method in ("GET", "HEAD") else reverse("start")
