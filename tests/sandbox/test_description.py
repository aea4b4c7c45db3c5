"""Paystack's addresses and answers are as its own description (OpenAPI) has them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from sandbox.paystack.api import ROUTES
from tests.sandbox.rig import SHARED, Rig
from tests.sandbox.test_shapes import PAYSTACK

_TYPES = {"string": str, "integer": int, "number": int, "boolean": bool, "array": list, "object": dict}
# Where the description says other than Paystack's own samples, or leaves the other form of a page out, the samples are kept.
KNOWN = {
    ".data is list, described as object",  # settlements and their transactions
    ".data.fully_deducted is bool, described as integer",
    ".meta.perPage is int, described as string",
    # Paystack's samples have an object, "", 0 and null here.
    *(f".{at}.metadata is str, described as object" for at in ("data", "data[]", "data.transaction")),
    # Only of money that came into an account, and left out of the disputed transaction.
    *(
        f".{at}.authorization.{name} is missing"
        for at in ("data", "data.transaction")
        for name in ("receiver_bank_account_number", "receiver_bank")
    ),
    *(f".data.transaction.{name} is missing" for name in ("source", "connect")),
    # A list by cursor has less to say.
    *(f".meta.{name} is missing" for name in ("total", "total_volume", "skipped", "page", "pageCount")),
}


@pytest.fixture(scope="module")
def description() -> Any:
    file = SHARED / "specs/paystack/paystack.yaml"
    if not file.exists():
        pytest.skip("Paystack's description is not on this machine")
    return yaml.load(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def resolved(description: Any, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found = description
        for part in node["$ref"].split("/")[1:]:
            found = found[part]
        node = found
    return node


def mismatches(description: Any, schema: Any, value: Any, at: str = "") -> list[str]:
    schema, found = resolved(description, schema), []
    for part in schema.get("allOf", ()):
        found += mismatches(description, part, value, at)
    expected = _TYPES.get(schema.get("type", ""))
    if value is None or expected is None:
        return found
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        return [*found, f"{at} is {type(value).__name__}, described as {schema['type']}"]
    if isinstance(value, dict):
        found += [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, part in schema.get("properties", {}).items():
            found += mismatches(description, part, value[name], f"{at}.{name}") if name in value else []
    if isinstance(value, list) and value and "items" in schema:
        found += mismatches(description, schema["items"], value[0], f"{at}[]")
    return found


def test_every_address_is_described(description: Any) -> None:
    known = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, methods in description["paths"].items()
        for method in methods
    }
    for route in ROUTES:
        path = re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "{}", route.pattern.pattern).removesuffix("/?$")
        assert (route.method, path) in known


def test_every_answer_is_described(description: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, str, int, Any]] = []
    plain = Rig.ask

    def ask(rig: Rig, provider: str, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        answer = plain(rig, provider, method, path, body, status=status)
        heard.append((method, path.partition("?")[0], status, answer))
        return answer

    monkeypatch.setattr(Rig, "ask", ask)
    for asked, _ in PAYSTACK.values():
        asked(Rig())
    assert len({(method, path) for method, path, _, _ in heard}) > 20
    for method, path, status, answer in heard:
        assert set(mismatches(description, _schema(description, method, path, status), answer)) <= KNOWN, (method, path)


def _schema(description: Any, method: str, path: str, status: int) -> Any:
    """Of the address with the fewest variable parts that fits."""
    fitting = [
        methods[method.lower()]
        for template, methods in sorted(description["paths"].items(), key=lambda item: item[0].count("{"))
        if method.lower() in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    ]
    answered = resolved(description, fitting[0]["responses"][str(status)])
    return answered["content"]["application/json"]["schema"]


def test_a_mismatch_is_seen() -> None:
    schema = {"type": "object", "required": ["id"], "properties": {"amount": {"type": "integer"}}}
    assert mismatches({}, schema, {"amount": "1"}) == [".id is missing", ".amount is str, described as integer"]
