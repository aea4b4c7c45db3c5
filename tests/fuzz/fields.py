"""Every field that a caller can fill, read from the OpenAPI document: cases are written once, for all addresses."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from zlib import crc32

from clustr.web.api import api

Value = TypeVar("Value")
JSON = "application/json"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
_SCHEMAS = DOCUMENT["components"]["schemas"]


EVERY = bool(os.environ.get("EVERY"))
_IN_TURNS = 6


def in_turns(asked: object, values: Iterable[Value]) -> list[Value]:
    """Of these values every sixth, from another one on for each that is asked, so that each value meets many of them and each of
    them several values; with EVERY=1 in the environment all."""
    every = list(values)
    step = 1 if EVERY else max(1, min(_IN_TURNS, len(every)))
    return every[crc32(str(asked).encode()) % step :: step]


@dataclass(frozen=True)
class Operation:
    """One verb of one address."""

    method: str
    path: str
    described: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its JSON body."""
        content = self.described.get("requestBody", {}).get("content", {})
        return one_of(content[JSON]["schema"]) if JSON in content else None

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        return {parameter["name"]: parameter for parameter in self.described["parameters"]}

    def example(self) -> Any:
        """A body as the document shows one, with every field it allows filled as far as it shows how: of a list, one."""
        schema = self.body or {}
        if schema.get("type") == "array":
            return [_example(one_of(schema["items"]))]
        return _example(schema)


def _example(schema: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for example in schema.get("examples", [{}]):
        shown |= copy.deepcopy(example)
    for name in schema.get("required", ()):
        shown.setdefault(name, made(schema["properties"][name]))
    return shown


@dataclass(frozen=True)
class Field:
    """One field: where it stands, and what kind of value it takes."""

    operation: Operation
    place: str
    at: tuple[str | int, ...]
    kind: str
    schema: Any
    optional: bool

    def __str__(self) -> str:
        return f"{self.operation} {self.place} {self.name}"

    @property
    def name(self) -> str:
        return ".".join(map(str, self.at))

    def put(self, body: Any, value: Any) -> Any:
        """The body with this value in this place."""
        here = body
        for step, following in zip(self.at, self.at[1:], strict=False):
            if isinstance(here, dict) and step not in here:
                here[step] = [] if isinstance(following, int) else {}
            here = here[step]
        here[self.at[-1]] = value
        return body


def operations() -> list[Operation]:
    return [
        Operation(method.upper(), path, described)
        for path, verbs in DOCUMENT["paths"].items()
        for method, described in verbs.items()
    ]


def fields(*kinds: str, places: tuple[str, ...] = ("body", "query", "path")) -> list[Field]:
    """All fields of these kinds in these places."""
    return [field for field in _all() if field.kind in kinds and field.place in places]


def _all() -> Iterator[Field]:
    for operation in operations():
        for name, parameter in operation.parameters.items():
            schema, optional = one_of(parameter["schema"]), not parameter.get("required")
            yield Field(operation, parameter["in"], (name,), kind_of(schema), schema, optional)
        if operation.body and operation.body.get("type") == "array":
            yield from _inside(operation, one_of(operation.body["items"]), (0,))
        elif operation.body:
            yield from _inside(operation, operation.body, ())


def _inside(operation: Operation, schema: dict[str, Any], at: tuple[str | int, ...]) -> Iterator[Field]:
    for name, described in schema.get("properties", {}).items():
        inner = one_of(described)
        here = (*at, name)
        if inner.get("type") == "object":
            yield from _inside(operation, inner, here)
        elif inner.get("type") == "array" and one_of(inner["items"]).get("type") == "object":
            yield from _inside(operation, one_of(inner["items"]), (*here, 0))
        else:
            optional = name not in schema.get("required", ())
            yield Field(operation, "body", here, kind_of(inner), inner, optional)


def one_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema a value has to follow: references followed, null left out."""
    if "$ref" in schema:
        return one_of(_SCHEMAS[schema["$ref"].rpartition("/")[2]])
    for many in ("anyOf", "allOf"):
        choices = [choice for choice in schema.get(many, ()) if choice.get("type") != "null"]
        if choices:
            return {**one_of(choices[0]), **{key: value for key, value in schema.items() if key != many}}
    return schema


def kind_of(schema: dict[str, Any]) -> str:
    """amount, text, code, id, instant, choice, digits, email, or the JSON type."""
    pattern = schema.get("pattern", "")
    if schema.get("examples") == ["5000.00"]:
        return "amount"
    if schema.get("format") in ("uuid", "date-time", "email"):
        return {"uuid": "id", "date-time": "instant", "email": "email"}[schema["format"]]
    if "enum" in schema:
        return "choice"
    if "[0-9" in pattern:
        return "digits"
    if pattern and not pattern.startswith("^[^"):
        return "code"
    return "text" if schema.get("type") == "string" else str(schema.get("type"))


def made(schema: dict[str, Any]) -> Any:
    """Some value that follows a schema, for a field that no example shows."""
    schema = one_of(schema)
    if schema.get("examples"):
        return schema["examples"][0]
    match kind_of(schema):
        case "choice":
            return schema["enum"][0]
        case "id":
            return "01998a4e-6f00-7c00-8000-000000000001"
        case "instant":
            return "2027-01-31T22:59:59Z"
        case "email":
            return "somebody@example.test"
        case "boolean":
            return False
        case "integer":
            return schema.get("minimum", 1)
        case "array":
            return [made(schema["items"])]
        case "object":
            return {name: made(schema["properties"][name]) for name in schema.get("required", ())}
        case _:
            return "Something"
