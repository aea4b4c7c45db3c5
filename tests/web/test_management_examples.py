"""Every address of the office, tried with the very bodies its description gives as examples."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from clustr.kit.errors import Refusal
from clustr.web.api import api
from tests.cast import Cast
from tests.web.asking import OFFICE, foreign_id

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
ELSEWHERE = {"post members/import/"}
"""Takes no JSON: tried in its own test."""


def operations(prefix: str) -> dict[str, dict[str, Any]]:
    return {
        f"{method} {path.removeprefix(prefix)}": operation
        for path, methods in DOCUMENT["paths"].items()
        if path.startswith(prefix)
        for method, operation in methods.items()
    }


def examples(operation: dict[str, Any]) -> list[Any]:
    """The bodies an operation's description shows."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    choices = [schema, *schema.get("anyOf", [])]
    names = [choice["$ref"].rsplit("/")[-1] for choice in choices if "$ref" in choice]
    return [example for name in names for example in DOCUMENT["components"]["schemas"][name].get("examples", [])]


OPERATIONS = operations(OFFICE)


def ask(client: Any, name: str) -> Any:
    method, address = name.split(" ", 1)
    for part in ("{bill_id}", "{transfer_id}", "{membership_id}"):
        address = address.replace(part, foreign_id())
    body = None if method == "get" else (examples(OPERATIONS[name]) or [{}])[0]
    return client.request(method.upper(), OFFICE + address, body)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - ELSEWHERE))
def test_an_administrator_is_understood(cast: Cast, name: str) -> None:
    """Not refused, nor are the examples of the description misunderstood. Who else may ask: `tests/web/matrix/`."""
    answer = ask(cast.client_of(cast.ada), name)
    assert answer.status_code < 300 or answer.json()["code"] not in ("permission_missing", "invalid"), answer.content


def test_every_body_has_an_example() -> None:
    everything = {**operations(OFFICE), **operations("/members/")}
    bare = {name for name, operation in everything.items() if "requestBody" in operation and not examples(operation)}
    assert bare == ELSEWHERE


def test_the_codes_it_names_exist() -> None:
    for name, operation in {**operations(OFFICE), **operations("/members/")}.items():
        _, _, refusals = operation.get("description", "").partition("Refuses with ")
        for code in re.findall(r"`([a-z_]+)`", refusals):
            assert code in Refusal.registry, (name, code)
