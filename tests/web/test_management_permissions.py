"""Every address of the office asks for its permission, tried with the very bodies its description gives as examples."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.errors import Refusal
from clustr.web.api import api
from tests.cast import Cast, anonymous
from tests.web.asking import OFFICE, foreign_id, refused

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="")))
VIEW, BILL, WALLET = {"ViewPayments"}, {"ManageBill"}, {"ViewWallet"}
TRANSFER, CREDIT, MEMBERS = {"TransferFunds"}, {"CreditWallet"}, {"ManageMembers"}
NEEDS: dict[str, set[str]] = {
    "get audit/": VIEW,
    "get dashboard/": VIEW,
    "get bills/": VIEW,
    "get bills/{bill_id}/": VIEW | BILL,
    "patch bills/{bill_id}/": BILL,
    "get bills/{bill_id}/members/": VIEW,
    "post create_bill/": BILL,
    "post create_bulk_bills/": BILL,
    "post update_bill_status/": BILL,
    "get disputes/": VIEW,
    "post resolve_dispute/": BILL,
    "get users/": VIEW,
    "get transactions/": VIEW,
    "post refund_transaction/": TRANSFER,
    "post record_offline_payment/": BILL,
    "get cluster_wallet/": WALLET,
    "post cluster_wallet_transfer/": TRANSFER,
    "post cluster_wallet_transfers/{transfer_id}/approve/": TRANSFER,
    "post cluster_wallet_transfers/{transfer_id}/reject/": TRANSFER,
    "post cluster_wallet_credit/": CREDIT,
    "get members/": MEMBERS,
    "post members/": MEMBERS,
    "patch members/{membership_id}/": MEMBERS,
    "get settings/": VIEW | MEMBERS,
    "patch settings/": MEMBERS,
}
"""By address: the permissions of which one is enough."""
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


def test_every_address_is_here() -> None:
    assert OPERATIONS.keys() == NEEDS.keys() | ELSEWHERE


@pytest.mark.parametrize("name", NEEDS)
def test_whoever_holds_every_other_permission_is_refused(cast: Cast, name: str) -> None:
    others = {permission.value for permission in PaymentsPermissions} - NEEDS[name]
    refused(ask(cast.client_of(cast.manager(*sorted(others))), name), 403, "permission_missing")


@pytest.mark.parametrize("name", NEEDS)
def test_residents_are_refused(cast: Cast, name: str) -> None:
    refused(ask(cast.client_of(cast.bola), name), 403, "permission_missing")


@pytest.mark.parametrize("name", NEEDS)
def test_strangers_sign_in_first(name: str) -> None:
    refused(ask(anonymous(), name), 401, "not_signed_in")


@pytest.mark.parametrize("name", NEEDS)
def test_an_administrator_is_not(cast: Cast, name: str) -> None:
    """Not refused, nor are the examples of the description misunderstood."""
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
