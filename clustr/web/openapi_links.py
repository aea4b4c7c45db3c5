"""Links of the OpenAPI document: where the ids of one answer can be used next.

Derived, not written down: a field of an answer is an id of some kind, by its own name (`bill_id`) or, where it is called
`id`, by the schema it stands in (`_KIND_OF`). Every operation of the same audience that takes an id of that kind, in its
path or body, is linked; filters of lists are not. A new address is linked by calling its ids as others do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_KIND_OF = {
    "BillOut": "bill_id",
    "ManagedBillOut": "bill_id",
    "SingleBillOut": "bill_id",
    "DisputeOut": "dispute_id",
    "MemberOut": "membership_id",
    "OperationOut": "transfer_id",
    "TransactionOut": "transaction_id",
    "UtilityProviderOut": "provider_id",
    "UtilityAccountOut": "account_id",
    "ValidationOut": "validation_id",
    "QuoteOut": "quote_id",
    "PurchaseOut": "purchase_id",
}
"""What the `id` of a schema is called where an operation takes one."""

_JSON = "application/json"
_DEEPEST = 4


def add_links(document: dict[str, Any]) -> None:
    """Give every successful JSON answer the links its ids open."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    takers = _takers(document, schemas)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                answered = response.get("content", {}).get(_JSON, {}).get("schema")
                if answered and 200 <= int(status) < 300:
                    links = _links(operation["operationId"], _audience(path), dict(_ids(answered, schemas)), takers)
                    if links:
                        response["links"] = links


def _audience(path: str) -> str:
    return path.split("/")[1]


def _takers(document: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Audience, operation, the name of an id it takes, and whether that stands in the body."""
    found: list[tuple[str, str, str, bool]] = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            name, audience = operation["operationId"], _audience(path)
            asked = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            found += [(audience, name, field, False) for field in sorted(asked) if field.endswith("_id")]
            body = operation.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
            for shape in _shapes(body, schemas):
                fields = shape.get("properties", {})
                found += [(audience, name, field, True) for field in fields if field.endswith("_id")]
    return found


def _links(
    by: str, audience: str, ids: dict[str, str], takers: list[tuple[str, str, str, bool]]
) -> dict[str, dict[str, Any]]:
    links: dict[str, dict[str, Any]] = {}
    for of, name, field, in_body in takers:
        if of == audience and name != by and field in ids:
            where = f"$response.body#{ids[field]}"
            given = {"requestBody": {field: where}} if in_body else {"parameters": {field: where}}
            links[f"{name}_by_{field}"] = {"operationId": name, **given}
    return links


def _ids(schema: dict[str, Any], schemas: dict[str, Any], where: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The kind of every id in an answer and a JSON pointer to it; the outermost of a kind comes last, and so wins."""
    if depth > _DEEPEST:
        return
    for shape in _shapes(schema, schemas):
        if "items" in shape:
            yield from _ids(shape["items"], schemas, f"{where}/0", depth + 1)
        fields: dict[str, Any] = shape.get("properties", {})
        for name, inner in fields.items():
            yield from _ids(inner, schemas, f"{where}/{name}", depth + 1)
        for name in fields:
            kind = _KIND_OF.get(shape.get("title", "")) if name == "id" else name
            if kind and kind.endswith("_id"):
                yield kind, f"{where}/{name}"


def _shapes(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with its reference followed; each of its alternatives."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    alternatives = schema.get("anyOf")
    if alternatives is None:
        yield schema
        return
    for alternative in alternatives:
        yield from _shapes(alternative, schemas)
