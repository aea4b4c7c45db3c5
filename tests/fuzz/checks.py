"""What must hold of every answer, beside what schemathesis checks by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import schemathesis
from schemathesis import Case, Response
from schemathesis.checks import CheckContext, CheckResult

from clustr.kit import inventory
from clustr.kit.errors import Invalid, Refusal
from clustr.web.errors import CONTENT_TYPE, STATUS_OF_CODE, STATUS_OF_KIND
from clustr.web.refusals import DoorError
from tests.fuzz.towns import SECRET_OF_PALM_GROVE, STRANGERS

MISREAD = {
    *("required", "unknown_field", "unknown_choice", "not_a_string", "too_long", "too_short", "out_of_range"),
    *("bool_type", "bool_parsing", "uuid_type", "uuid_parsing", "list_type", "model_type"),
    *("unreadable_text", "amount_is_zero", "string_pattern_mismatch", "greater_than_equal", "less_than_equal"),
}
"""Codes of fields that the document alone decides: who keeps to it must never meet one."""


@dataclass
class Asking:
    """Who asks at present: the engine runs one role after another."""

    role: str = "anonymous"


asking = Asking()
_statuses: dict[str, int] = {}


def status_of(code: str) -> int | None:
    """The status a code is answered with, as docs/errors.md says."""
    if not _statuses:
        inventory.load_everything()
        _statuses.update((error.code, error.status) for error in DoorError.registry.values())
        for name, refusal in Refusal.registry.items():
            of_kind = next(status for kind, status in STATUS_OF_KIND if issubclass(refusal, kind))
            _statuses[name] = STATUS_OF_CODE.get(name, of_kind)
    return _statuses.get(code)


def problem_of(status: int, content_type: str, headers: Any, text: str) -> str | None:
    """What is wrong with an error answer; None: nothing."""
    if not content_type.startswith(CONTENT_TYPE):
        return f"an error is answered as {CONTENT_TYPE}, not {content_type!r}"
    body = json.loads(text)
    if body["status"] != status or status_of(body["code"]) != status:
        return f"{body['code']} is not answered with {status}"
    if status in (429, 503) and not headers.get("retry-after"):
        return "Retry-After is missing"
    if status == 401 and not headers.get("www-authenticate"):
        return "WWW-Authenticate is missing"
    return None


@schemathesis.check
def errors_are_named(_ctx: CheckContext, response: Response, _case: Case) -> CheckResult:
    """Every refusal is a problem with a code of docs/errors.md, under the status written there."""
    assert response.headers.get("x-request-id"), "X-Request-ID is missing"
    if response.status_code >= 400 and response.request.method != "HEAD":
        content_type = (response.headers.get("content-type") or [""])[0]
        wrong = problem_of(response.status_code, content_type, response.headers, response.text)
        assert wrong is None, wrong


@schemathesis.check
def strangers_learn_nothing(_ctx: CheckContext, response: Response, case: Case) -> CheckResult:
    """Nobody of another estate is ever told anything of this one."""
    if asking.role in STRANGERS:
        said = response.content or b""  # bytes: a receipt is no text
        assert SECRET_OF_PALM_GROVE.encode() not in said, "a stranger was shown a matter of Palm Grove"
    if asking.role == "anonymous" and "security" in case.operation.definition.raw:
        assert response.status_code >= 400, "nobody asked, and was answered"


@schemathesis.check
def the_document_is_enough(_ctx: CheckContext, response: Response, case: Case) -> CheckResult:
    """Who keeps to the document is never told that a value has the wrong shape."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    body = json.loads(response.text)
    told = {body["code"]}
    if body["code"] == Invalid.code:  # refused by its shape alone; rooms that refuse a value have a code of their own
        told |= {item["code"] for item in body.get("errors", ())}
    assert not told & (MISREAD | {"malformed", "cluster_malformed", "wrong_content_type"}), (
        f"what the document allows was refused: {told}"
    )


OURS = ("errors_are_named", "strangers_learn_nothing", "the_document_is_enough")
