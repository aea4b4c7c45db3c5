"""Every error as `application/problem+json`. The one place where refusals become HTTP statuses.

An answer of the API is English, whatever `Accept-Language` asks for and whatever LANGUAGE_CODE is: programs read it, and log
it. No middleware chooses a language by request; pages look up what a refusal says (`clustr.kit.sentences`), and of what the
door itself refuses they say nothing but the status.
"""

from __future__ import annotations

import json
import math
import sys
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError, ValidationError

from clustr.kit.errors import (
    Conflict,
    Declined,
    FieldError,
    Invalid,
    Locked,
    NotAllowed,
    NotFound,
    Refusal,
    TooMany,
    Unavailable,
    refusal_of,
)
from clustr.web.refusals import (
    CsrfFailed,
    DatabaseUnavailable,
    DoorError,
    InternalError,
    Malformed,
    MethodNotAllowed,
    NotSignedIn,
    PageNotFound,
    TooLarge,
    WrongContentType,
)

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/management/", "/members/", "/payments/")
STATUS_OF_KIND: tuple[tuple[type[Refusal], int], ...] = (
    (Invalid, 422),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Declined, 402),
    (Locked, 423),
    (TooMany, 429),
    (Unavailable, 503),
)
STATUS_OF_CODE = {"cluster_required": 400, "cluster_malformed": 400, "provider_would_not": 502, "provider_silent": 504}
"""Refusals whose status is not their kind's: the request itself is incomplete, whatever its values; or it is not we who
are not available."""

_DEFAULT_RETRY_SECONDS = {429: 1, 503: 1}
_CONNECTION_ENDED = ("25P03", "25P04")
"""PostgreSQL closed a connection that stood idle inside a transaction, or a transaction that took too long."""


DOOR_ERROR_OF_STATUS: dict[int, type[DoorError]] = {
    error.status: error
    for error in (Malformed, NotSignedIn, PageNotFound, MethodNotAllowed, TooLarge, WrongContentType)
}
_CODE_OF_PYDANTIC = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_long",
    "too_short": "too_short",
    "string_type": "not_a_string",
    "literal_error": "unknown_choice",
    "enum": "unknown_choice",
}


def problem(
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    headers: dict[str, str] | None = None,
    request_id: str = "",
) -> HttpResponse:
    """One error answer (RFC 9457)."""
    body: dict[str, Any] = {
        "type": f"urn:clustr:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = [{"field": e.field, "code": e.code, "message": e.message} for e in errors]
    if request_id:
        body["request_id"] = request_id
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer to a room's refusal."""
    status = STATUS_OF_CODE.get(refusal.code) or next(s for kind, s in STATUS_OF_KIND if isinstance(refusal, kind))
    wait = refusal.retry_after_seconds or _DEFAULT_RETRY_SECONDS.get(status)
    return problem(
        status=status,
        code=refusal.code,
        title=refusal.title(),
        detail=refusal.detail,
        errors=refusal.errors or _what_is_wrong(refusal),
        headers={"Retry-After": str(max(1, math.ceil(wait)))} if wait else None,
        request_id=request_id_of(request),
    )


def _what_is_wrong(refusal: Refusal) -> tuple[FieldError, ...]:
    """Of invalid values there is always a list, even where the refusal itself says it all."""
    if not isinstance(refusal, Invalid) or refusal.code in STATUS_OF_CODE:
        return ()
    return (FieldError(refusal.field, refusal.code, refusal.detail),)


def of_door(request: HttpRequest, error: DoorError) -> HttpResponse:
    """The answer to what the door refuses."""
    headers = dict(error.headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="clustr"')
    return problem(
        status=error.status,
        code=error.code,
        title=error.title(),
        detail=error.detail,
        headers=headers,
        request_id=request_id_of(request),
    )


def of_validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """The answer to values that do not fit: where each stood and why, never the value itself (it may be a PIN)."""
    if any(item["loc"][:1] == ("path",) for item in error.errors):
        return of_refusal(request, NotFound())
    errors = tuple(
        FieldError(_field(item["loc"]), _CODE_OF_PYDANTIC.get(item["type"]) or item["type"], item["msg"])
        for item in error.errors
    )
    return of_refusal(request, Invalid("One or more values are invalid.", errors=errors))


def _field(where: tuple[Any, ...]) -> str:
    """`("body", "body", "bills", 3, "amount")` -> `bills.3.amount`; ninja puts the view's argument in second place."""
    skipped = 2 if where[:1] in (("body",), ("file",), ("form",)) and len(where) > 2 else 1
    return ".".join(str(part) for part in where[skipped:])


def of_database(request: HttpRequest, error: DatabaseError | InterfaceError) -> HttpResponse:
    """The answer to a database that refuses, is busy, or is gone."""
    refusal = refusal_of(error) if isinstance(error, DatabaseError) else None
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    if refusal is not None:
        return of_refusal(request, refusal)
    if isinstance(error, DataError):
        # A value that passed every check of ours and that PostgreSQL cannot hold: the caller's, and a gap of ours.
        log.error("value_refused_by_database", exc_info=error)
        return of_refusal(request, Invalid("A value cannot be stored."))
    if isinstance(error, (OperationalError, InterfaceError)) or sqlstate in _CONNECTION_ENDED:
        log.critical("database_unavailable", exc_info=error)
        return of_refusal(request, DatabaseUnavailable(retry_after_seconds=2))
    return of_bug(request, error)


def of_bug(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The answer to anything unforeseen. The log has the trace; the caller gets the request id."""
    log.error("unhandled_exception", exc_info=error)
    return of_door(request, InternalError())


def of_exception(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to anything raised while a request was served."""
    match error:
        case Refusal():
            return of_refusal(request, error)
        case DoorError():
            return of_door(request, error)
        case ValidationError():
            return of_validation(request, error)
        case HttpError():
            cause = error.__cause__
            if isinstance(cause, DoorError):
                return of_door(request, cause)
            return of_door(request, DOOR_ERROR_OF_STATUS.get(error.status_code, Malformed)())
        case RequestDataTooBig():
            return of_door(request, TooLarge())
        case UnreadablePostError() | MultiPartParserError() | SuspiciousOperation() | UnicodeError():
            return of_door(request, Malformed())
        case Http404():
            return of_door(request, PageNotFound())
        case DatabaseError() | InterfaceError():
            return of_database(request, error)
        case _:
            return of_bug(request, error)


def request_id_of(request: HttpRequest) -> str:
    return getattr(request, "request_id", "")


def is_api(request: HttpRequest) -> bool:
    """Whether this address speaks JSON only."""
    return request.path_info.startswith(API_PREFIXES)


def as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """An error answer that something before the door gave as text, as a problem; anything else as it is."""
    kind = DOOR_ERROR_OF_STATUS.get(response.status_code)
    if kind is None or response.get("Content-Type", "").startswith(CONTENT_TYPE):
        return response
    kept = {name: response[name] for name in ("Allow", "WWW-Authenticate") if name in response}
    return of_door(request, kind(headers=kept))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return of_exception(request, exception) if is_api(request) else _page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """Django's handler403."""
    return of_refusal(request, NotAllowed()) if is_api(request) else _page(request, 403)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """Django's CSRF_FAILURE_VIEW: a form that did not come from a page of ours, or from one of an earlier session."""
    return of_door(request, CsrfFailed()) if is_api(request) else _page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """Django's handler404."""
    return of_door(request, PageNotFound()) if is_api(request) else _page(request, 404)


@csrf_exempt
def no_such_address(request: HttpRequest) -> HttpResponse:
    """A view for addresses that a package would serve and that are closed here."""
    return of_door(request, PageNotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, for what no view of the API caught."""
    error = sys.exc_info()[1]
    log.error("unhandled_exception", exc_info=error)
    if isinstance(error, DatabaseError | InterfaceError):
        return of_database(request, error) if is_api(request) else _page(request, 503)
    return of_door(request, InternalError()) if is_api(request) else _page(request, 500)


def _page(request: HttpRequest, status: int) -> HttpResponse:
    """The same for a person, as a page."""
    from clustr.web.pages.frame import problem_page

    return problem_page(request, status)
