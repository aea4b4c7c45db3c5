"""Every route there is, read from the API and from Django's resolver: what the rows are compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver

from clustr.web.api import api

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
_DEPTH = 8


@dataclass(frozen=True)
class Route:
    """One operation of the API: `ids` and `searches` are where ids and searched texts stand in its request."""

    name: str
    ids: frozenset[str]
    has_cursor: bool
    has_search: bool
    takes_key: bool


def routes() -> dict[str, Route]:
    """Every operation the API serves, by `GET /address/`."""
    return {
        f"{method.upper()} {address}": _route(f"{method.upper()} {address}", operation)
        for address, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }


def served() -> set[str]:
    """The same, as the API's own tables have it: an operation left out of its description is served all the same."""
    return {
        f"{method} /{prefix}{path}".replace("{uuid:", "{").replace("{uuidstr:", "{")
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }


def other_addresses() -> dict[str, Any]:
    """Every address that Django resolves and that is none of the API's operations, with its view."""
    ours = {address.split(" ")[1] for address in served()}
    found = dict(_walk(get_resolver().url_patterns))
    return {address: view for address, view in found.items() if _as_described(address) not in ours}


def _walk(patterns: Iterable[Any], before: str = "/") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        here = before + str(pattern.pattern).removeprefix("^")
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here, pattern.callback


def _as_described(address: str) -> str:
    return address.replace("<uuidstr:", "{").replace("<uuid:", "{").replace("<", "{").replace(">", "}")


def _route(name: str, operation: dict[str, Any]) -> Route:
    parameters = operation["parameters"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    ids = {
        f"{parameter['in']}.{parameter['name']}"
        for parameter in parameters
        if parameter["in"] in ("path", "query") and (parameter["in"] == "path" or _is_id(parameter["schema"]))
    }
    named = {(parameter["in"], parameter["name"]) for parameter in parameters}
    return Route(
        name,
        frozenset(ids | set(_ids_of(content.get("schema", {}), "body"))),
        has_cursor=("query", "cursor") in named,
        has_search=("query", "q") in named,
        takes_key=("header", "Idempotency-Key") in named,
    )


def _is_id(schema: dict[str, Any]) -> bool:
    return any(choice.get("format") == "uuid" for choice in (schema, *schema.get("anyOf", [])))


def _ids_of(schema: dict[str, Any], where: str) -> Iterator[str]:
    """Where ids stand in a body; in a list, at its first place."""
    if where.count(".") > _DEPTH:
        return
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    if _is_id(schema):
        yield where
    for choice in schema.get("anyOf", []):
        if choice.get("format") != "uuid":
            yield from _ids_of(choice, where)
    if "items" in schema:
        yield from _ids_of(schema["items"], f"{where}.0")
    for name, inner in schema.get("properties", {}).items():
        yield from _ids_of(inner, f"{where}.{name}")
