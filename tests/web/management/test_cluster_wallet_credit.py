"""`POST /management/payments/cluster_wallet_credit/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast, Person
from tests.money import cluster_balance
from tests.web.asking import OFFICE, bad_amounts, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "cluster_wallet_credit/"


def credit(cast: Cast, by: Person | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    sent = {"amount": "100.00", "description": "Hall rental", "source": "Ade & Sons", **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent, key=key)


def test_it_works(cast: Cast) -> None:
    answer = credit(cast)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["kind"], made["direction"], made["status"]) == ("adjustment", "in", "completed")
    assert (made["reason"], made["metadata"], made["actor"]["name"]) == ("Hall rental", {"source": "Ade & Sons"}, "Ada")
    assert cluster_balance(cast.cluster_id) == "100.00"


def test_a_repeat_has_one_effect(cast: Cast) -> None:
    first, again = (credit(cast, key="hall") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert cluster_balance(cast.cluster_id) == "100.00"


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, amount: object) -> None:
    refused(credit(cast, amount=amount), 422, "invalid", "amount")


@pytest.mark.parametrize("field", ["description", "source"])
def test_description_and_source_are_given(cast: Cast, field: str) -> None:
    refused(credit(cast, **{field: ""}), 422, "invalid", field)


def test_it_needs_credit_wallet(cast: Cast) -> None:
    for person in (cast.efe, cast.bola, cast.manager("TransferFunds", "ViewWallet")):
        refused(credit(cast, person), 403, "permission_missing")
    assert credit(cast, cast.manager("CreditWallet")).status_code == 201
