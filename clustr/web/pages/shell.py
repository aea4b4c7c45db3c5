"""The pages around the pages: where everybody starts, which estate, dark or light, and what makes ClustR an app."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clustr.clusters import commands as clusters
from clustr.clusters.queries import clusters_of, estates_of
from clustr.clusters.types import FORMER
from clustr.kit.ids import parse_id
from clustr.web.actors import Request
from clustr.web.pages.forms import go
from clustr.web.pages.frame import ESTATE, around_account, chosen_estate, page
from clustr.web.refusals import PageNotFound

THEME = "theme"
_THEMES = ("light", "dark")
_OF_ACCOUNT = tuple(
    f"/accounts/{part}/" for part in ("2fa", "password/change", "password/set", "email", "sessions", "logout")
)
"""What somebody sees of their own account: sign-in's pages, in the frame of theirs."""
_YEAR_SECONDS = 365 * 24 * 3600
SHELL = ("web/app.css", "web/app.js", "web/icon.svg", "django_htmx/htmx-2.min.js")
"""What a phone keeps of ClustR; never a page with anything of anybody in it."""


@page("app", estate=False)
def start(request: Request) -> HttpResponse:
    """GET /: on to the pages of whoever is signed in: the office to theirs, the platform's staff to theirs."""
    roles = clusters_of(user_id=request.signed_in.user_id, now=request.now)
    chosen = chosen_estate(request)
    if not roles and request.signed_in.is_platform_staff:
        return HttpResponseRedirect(_address_of("platform:home"))
    present = {cluster_id: role for cluster_id, role in roles.items() if role != FORMER} or roles
    role = roles.get(chosen) if chosen else next(iter(present.values())) if len(present) == 1 else None
    if role is None:
        return HttpResponseRedirect(reverse("estates"))
    return HttpResponseRedirect(_address_of("office:home" if role in ("admin", "staff") else "app:home"))


def _address_of(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:  # an area that has no pages here
        return reverse("app:home")


@page("app", methods=("GET", "POST"), estate=False)
def estates(request: Request) -> HttpResponse:
    """GET /app/estates/: the estates of a person, to choose one. POST: the choice, which the session keeps; choosing an
    estate that invited them, a person accepts."""
    if request.method == "POST":
        return _choose(request)
    found = estates_of(user_id=request.signed_in.user_id, now=request.now)
    if len(found) == 1 and not found[0].invited and "next" in request.GET:
        request.session[ESTATE] = str(found[0].cluster_id)
        return HttpResponseRedirect(_onward(request, request.GET["next"]))
    shown = {"estates": found, "chosen": chosen_estate(request), "next": request.GET.get("next", "")}
    return render(request, "pages/estates.html", shown)


def _choose(request: Request) -> HttpResponse:
    try:
        cluster_id = parse_id(request.POST.get("cluster_id", ""))
    except ValueError as error:
        raise PageNotFound from error
    entered = clusters.enter_cluster(
        user_id=request.signed_in.user_id, cluster_id=cluster_id, origin=request.origin, now=request.now
    )
    request.session[ESTATE] = str(entered.cluster_id)
    return go(request, _onward(request, request.POST.get("next", "")))


def _onward(request: HttpRequest, wanted: str) -> str:
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else reverse("start")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """POST /app/theme/: light, dark, or as the device has it. A cookie of this browser."""
    answer = HttpResponseRedirect(_onward(request, request.POST.get("next", "")), status=303)
    wanted = request.POST.get("theme", "")
    if wanted in _THEMES:
        answer.set_cookie(
            THEME, wanted, max_age=_YEAR_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    else:
        answer.delete_cookie(THEME, samesite="Lax")
    return answer


def look_and_feel(request: HttpRequest) -> dict[str, Any]:
    """For every template: how this browser wants to be shown ClustR."""
    kept = request.COOKIES.get(THEME, "")
    shown = {"theme": kept if kept in _THEMES else ""}
    if request.path.startswith(_OF_ACCOUNT):
        around = request.__dict__.get("around")
        if around is None:
            around = request.__dict__["around"] = around_account(request)
        return {**shown, **around}
    return shown


@require_safe
def manifest(_request: HttpRequest) -> HttpResponse:
    """GET /manifest.webmanifest: what a phone needs to keep ClustR among its apps."""
    icons = [
        {
            "src": staticfiles_storage.url(f"web/icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": use,
        }
        for size, use in ((192, "any"), (512, "any"), (512, "maskable"))
    ]
    shown = {
        "name": "ClustR",
        "short_name": "ClustR",
        "description": _("Your estate's bills, read and paid."),
        "id": "/",
        "start_url": reverse("start"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#f7f6f2",
        "theme_color": "#0f5c4a",
        "icons": icons,
        "shortcuts": [
            {"name": _("Bills"), "url": reverse("app:bills")},
            {"name": _("Wallet"), "url": reverse("app:wallet")},
            {"name": _("Utilities"), "url": reverse("app:utilities")},
        ],
    }
    return _kept(JsonResponse(shown, content_type="application/manifest+json"))


@require_safe
def service_worker(_request: HttpRequest) -> HttpResponse:
    """GET /sw.js: keeps the shell and the offline page, and nothing of any person."""
    kept = [*(staticfiles_storage.url(name) for name in SHELL), reverse("offline")]
    text = render_to_string("pages/sw.js", {"kept": kept, "offline": reverse("offline")})
    answer = HttpResponse(text, content_type="text/javascript")
    answer["Cache-Control"] = "no-cache"
    return answer


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """GET /offline/: what is shown where there is no network."""
    return _kept(render(request, "pages/offline.html"))


def _kept(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "public, max-age=3600"
    return answer
