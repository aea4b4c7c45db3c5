"""The API's own description: valid, complete, and true."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from clustr.web.api import api

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
PRICES = "/api/v1/billing/plans/"
PUBLIC = {PRICES, *(f"/payments/webhooks/{provider}/" for provider in ("paystack", "flutterwave", "stripe"))}
"""Addresses that ask nobody to sign in."""
ABOUT_ME = {
    "/members/profile/export/",
    *(path for path in api.get_openapi_schema()["paths"] if path.startswith("/api/v1/billing/") and path != PRICES),
}
"""Addresses about the person, whichever cluster they mean."""


def test_it_is_served_as_it_is_made() -> None:
    served = Client().get("/api/openapi.json")
    assert served.status_code == 200
    assert served["Content-Type"].startswith("application/json")
    assert served.json() == DOCUMENT
    assert served.json()["openapi"].startswith("3.1")


def test_its_schemas_are_json_schemas() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    named = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert named <= DOCUMENT["components"]["schemas"].keys()


def test_names_of_operations_are_unique() -> None:
    names = [parameters.values[2]["operationId"] for parameters in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_described(path: str, method: str, operation: dict[str, Any]) -> None:
    assert path.endswith("/")
    assert operation["summary"]
    assert operation["tags"]
    if path not in PUBLIC:
        assert operation["security"] == [{"BearerToken": []}, {"SessionCookie": []}]
        assert {"401", "403"} <= operation["responses"].keys()
    assert {"400", "404", "405", "422", "429", "503"} <= operation["responses"].keys()
    assert any(status.startswith("2") for status in operation["responses"])
    for status, response in operation["responses"].items():
        assert response["description"]
        if not status.startswith("2"):
            assert response["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    names = {parameter["name"] for parameter in operation["parameters"]}
    if path not in PUBLIC:
        assert ("X-Cluster-ID" in names) == (path not in ABOUT_ME)
        assert ("Idempotency-Key" in names) == (method != "get")


def test_the_docs_page_needs_nobody_else() -> None:
    page = Client().get("/api/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert "swagger-ui-bundle.js" in html
    assert "//" not in html.replace("http://www.w3.org", "").replace("</", "").replace("/>", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui-init.js"):
        assert Client().get(f"/static/ninja/{name}").status_code == 200


def test_every_list_says_how_long_a_page_is() -> None:
    limits = [
        p["schema"]
        for _, _, o in (given.values for given in OPERATIONS)
        for p in o["parameters"]
        if p["name"] == "limit"
    ]
    assert len(limits) > 8
    assert {(limit["type"], limit["minimum"], limit["maximum"], limit["default"]) for limit in limits} == {
        ("integer", 1, 200, 50)
    }


def test_ids_of_answers_lead_on() -> None:
    links = DOCUMENT["paths"]["/members/bills/my_bills/"]["get"]["responses"]["200"]["links"]
    assert links["pay_bill_by_bill_id"] == {
        "operationId": "pay_bill",
        "requestBody": {"bill_id": "$response.body#/results/0/id"},
    }
    names = {given.values[2]["operationId"] for given in OPERATIONS}
    for _, _, operation in (given.values for given in OPERATIONS):
        for response in operation["responses"].values():
            assert {link["operationId"] for link in response.get("links", {}).values()} <= names
