"""Who asks: from a token or a session cookie to a person, and from the person to an actor in one cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from clustr.clusters import commands as clusters
from clustr.kit import clock
from clustr.kit.actor import Actor, Origin
from clustr.kit.ids import parse_id
from clustr.people import queries as people
from clustr.people.types import SignedIn
from clustr.web.refusals import ClusterMalformed, CsrfFailed, NotSignedIn

CLUSTER_HEADER = "X-Cluster-ID"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Request(HttpRequest):
    """What a view of the API receives.

    `now` was read once for the request; `signed_in` is the person; `actor` is there inside `once()` and `read()`.
    """

    now: datetime
    origin: Origin
    request_id: str
    signed_in: SignedIn
    actor: Actor


class BearerToken(HttpBearer):
    """An API client's access token. A token that is present and wrong ends the matter: no cookie is tried."""

    openapi_bearerFormat = "JWT"  # noqa: N815 - OpenAPI's spelling

    def __call__(self, request: HttpRequest) -> SignedIn | None:
        sent = request.headers.get(self.header)
        if sent is None:
            return None
        scheme, _, token = sent.partition(" ")
        if scheme.lower() != self.openapi_scheme:
            raise NotSignedIn("Send an access token: `Authorization: Bearer <token>`.")
        return self.authenticate(request, token.strip())

    def authenticate(self, request: HttpRequest, token: str) -> SignedIn:
        person = people.signed_in_by_token(token=token)
        if person is None:
            raise NotSignedIn("The access token is not valid, or no longer.")
        return _signed_in(request, person)


class SessionCookie(APIKeyCookie):
    """A browser's session; whatever changes something needs its CSRF token too."""

    param_name = settings.SESSION_COOKIE_NAME

    def _get_key(self, request: HttpRequest) -> str | None:
        return request.COOKIES.get(self.param_name)  # CSRF is checked below, so that a stranger gets 401, not 403

    def authenticate(self, request: HttpRequest, key: str | None) -> SignedIn | None:
        person = people.signed_in_by_session(user=request.user, session=request.session) if key else None
        if person is None:
            return None
        if request.method not in _SAFE_METHODS and check_csrf(request) is not None:
            raise CsrfFailed
        return _signed_in(request, person)


def _signed_in(request: HttpRequest, person: SignedIn) -> SignedIn:
    """Note who asks. They proved who they are by the machine's time; everything else here lives by our clock's."""
    known = replace(person, at=clock.shown(person.at)) if person.at else person
    cast(Request, request).signed_in = known
    return known


SIGNED_IN: list[Any] = [BearerToken(), SessionCookie()]
"""What every address of the API asks for, one or the other, unless it says otherwise."""


def note_signed_in(request: HttpRequest) -> bool:
    """Note who asks for a page, by the browser's session; whether somebody does. Django's own middleware looks after CSRF
    there."""
    person = people.signed_in_by_session(user=request.user, session=request.session)
    return person is not None and bool(_signed_in(request, person))


def actor_of(request: HttpRequest) -> Actor:
    """The actor of this request, resolved once: the membership that X-Cluster-ID names (of a page: that its session chose),
    or the only one. Naming a cluster that invited them, a person accepts."""
    asked = cast(Request, request)
    known: Actor | None = request.__dict__.get("actor")
    if known is None:
        known = clusters.enter_cluster(
            user_id=asked.signed_in.user_id,
            cluster_id=request.__dict__["estate_id"] if "estate_id" in request.__dict__ else _cluster_asked(request),
            origin=asked.origin,
            now=asked.now,
        )
        asked.actor = known
    return known


def _cluster_asked(request: HttpRequest) -> UUID | None:
    named = request.headers.get(CLUSTER_HEADER)
    if named is None:
        return None
    try:
        return parse_id(named)
    except ValueError as error:
        raise ClusterMalformed from error
