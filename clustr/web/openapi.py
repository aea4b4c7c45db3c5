"""The OpenAPI document: what ninja derives from the views, plus what holds for every address."""

from __future__ import annotations

from typing import Any

from clustr.web.errors import CONTENT_TYPE
from clustr.web.openapi_links import add_links
from clustr.web.schemas import Problem

WITHOUT_CLUSTER = "x-without-cluster"
"""For `openapi_extra` of a view that is about the person, whichever cluster they mean."""

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_WRITES = ("post", "put", "patch", "delete")
_OF_EVERY = {
    "400": "Malformed; or X-Cluster-ID is missing or not a UUID.",
    "401": "Not signed in.",
    "403": "The permission is missing, or the CSRF token of a browser's session.",
    "404": "Not there, or not yours.",
    "405": "This address does not answer that method.",
    "422": "Invalid values; `errors` names each.",
    "429": "Too many requests; see Retry-After.",
    "503": "Busy or not available; see Retry-After.",
}
_OF_WRITES = {
    "402": "Declined, or not enough money.",
    "409": "Does not fit the present state; or the first request with this Idempotency-Key is still running.",
    "413": "Too large.",
    "415": "Not application/json.",
    "423": "Frozen or locked.",
}
_CLUSTER = {
    "in": "header",
    "name": "X-Cluster-ID",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "Which of your clusters; needed only by those who belong to several.",
}
_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[ -+\--~]{1,255}$"},
    "description": "A repeat with the same key and input gets the first answer, with `Idempotent-Replayed: true`.",
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}}
_REPLAYED = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}, "description": "A repeat."}}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to the document the errors, headers and schemas that no view needs to repeat."""
    schemas = document["components"].setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _complete_operation(method, operation)
    add_links(document)
    return document


def _complete_operation(method: str, operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        _without_null(parameter)
    signed_in = bool(operation.get("security"))
    errors = dict(_OF_EVERY) | (_OF_WRITES if method in _WRITES else {})
    if not signed_in:
        errors = {status: text for status, text in errors.items() if status != "403"} | {"401": "Not signed rightly."}
    elif not operation.pop(WITHOUT_CLUSTER, False):
        operation["parameters"].append(_CLUSTER)
    if method in _WRITES and signed_in:
        operation["parameters"].append(_KEY)
        for status, response in operation["responses"].items():
            if 200 <= int(status) < 300:
                response.setdefault("headers", {}).update(_REPLAYED)
    for status, text in errors.items():
        answer: dict[str, Any] = {"description": text, "content": {CONTENT_TYPE: {"schema": _PROBLEM}}}
        if status in ("429", "503"):
            answer["headers"] = _RETRY_AFTER
        operation["responses"].setdefault(int(status), answer)
    operation["responses"] = {str(status): response for status, response in operation["responses"].items()}


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter is absent or has a value: there is no null in an address."""
    schema = parameter["schema"]
    values = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    if len(values) == 1 and parameter["in"] == "query":
        del schema["anyOf"]
        schema.update(values[0])
