"""What surrounds every request: its id, its instant and origin, the address limit, safe headers, one line in the log;
and what sign-in is spared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponseBase, UnreadablePostError
from django.middleware.gzip import GZipMiddleware

from clustr.audit import commands as audit
from clustr.kit import clock
from clustr.kit.errors import TooMany
from clustr.kit.metrics import keep_figures_of_the_dead
from clustr.web import metrics
from clustr.web.actors import Request
from clustr.web.errors import as_problem, is_api, of_exception, of_refusal
from clustr.web.origin import origin_of
from clustr.web.refusals import DoorError, Malformed, TooLarge
from clustr.web.strict_json import parse
from clustr.web.throttle import AddressThrottle

log = structlog.get_logger("clustr.access")

_SIGN_IN = "/_allauth/"
_LONGEST_SIGN_IN = 256 * 1024
_UNCOUNTED = ("/healthz", "/readyz", "/metrics")
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"


class RequestContext:
    """The outermost middleware. Gives the request `now`, `origin` and `request_id`; the clock is read here, once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._throttle = AddressThrottle(settings.ENV.THROTTLE_ADDRESS_PER_MINUTE, audit.take_turn)
        keep_figures_of_the_dead()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        asked = cast(Request, request)
        asked.now = clock.now()
        asked.origin = origin_of(request, trusted_proxies=settings.TRUSTED_PROXIES)
        asked.request_id = asked.origin.request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=asked.request_id)
        response = self._refused_by_address(asked) or self._get_response(request)
        if is_api(request):
            response = as_problem(request, response)
            response.setdefault("Cache-Control", "no-store")
        response["X-Request-ID"] = asked.request_id
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        self._report(asked, response.status_code, time.perf_counter() - began)
        return response

    def _refused_by_address(self, request: Request) -> HttpResponseBase | None:
        if request.path_info in _UNCOUNTED:
            return None
        try:
            wait = self._throttle.seconds_to_wait(request.origin.ip or "")
        except (DatabaseError, InterfaceError):
            return None  # whoever needs the database will say that it is gone
        return of_refusal(request, TooMany(retry_after_seconds=math.ceil(wait))) if wait > 0 else None

    def _report(self, request: Request, status: int, seconds: float) -> None:
        """One line: the route's pattern, never the address as sent, which may hold a code, a search or a name."""
        match = request.resolver_match
        route = f"/{match.route}" if match else "unmatched"
        metrics.observe(route=route, method=request.method or "", status=status, seconds=seconds)
        person = request.__dict__.get("signed_in")
        actor = request.__dict__.get("actor")
        write = log.debug if request.path_info in _UNCOUNTED else log.info
        write(
            "request",
            method=request.method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            user_id=str(person.user_id) if person else None,
            cluster_id=str(actor.cluster_id) if actor else None,
        )


class Compressed(GZipMiddleware):
    """Pages and what they are made of travel compressed. Answers of the API do not: there, what a caller sends never stands
    beside a secret of somebody's, but nothing guards it; in pages the CSRF token is masked anew each time."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        whole = response.status_code != HTTPStatus.PARTIAL_CONTENT
        return super().process_response(request, response) if whole and not is_api(request) else response


class SignInBodies:
    """allauth reads what is sent to `/_allauth/` with a parser that some bodies break. Those are answered here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(_SIGN_IN) and request.method != "GET":
            try:
                _refuse_body(request)
            except (DoorError, RequestDataTooBig, UnreadablePostError) as error:
                return of_exception(request, error)
        return self._get_response(request)


def _refuse_body(request: HttpRequest) -> None:
    """Refuse any body but none and one short, flat object: of plain values, and lists of them."""
    if not (request.META.get("CONTENT_LENGTH") or "0").isdecimal():
        raise Malformed
    if int(request.META.get("CONTENT_LENGTH") or 0) > _LONGEST_SIGN_IN or len(request.body) > _LONGEST_SIGN_IN:
        raise TooLarge
    sent = parse(request.body) if request.body else {}
    if not isinstance(sent, dict):
        raise Malformed("The body must be an object.")
    for value in sent.values():
        if any(isinstance(part, (dict, list)) for part in (value if isinstance(value, list) else [value])):
            raise Malformed("The body is nested too deeply.")
