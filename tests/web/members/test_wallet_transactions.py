"""`GET /members/wallet/transactions/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_WALLET, ids, pay, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_WALLET + "transactions/"


def types(cast: Cast, **query: Any) -> list[str]:
    answer = cast.client_of(cast.bola).get(ADDRESS, query)
    assert answer.status_code == 200, answer.content
    return [row["type"] for row in answer.json()["results"]]


def paid(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    assert pay(cast.client_of(cast.bola), bill, "10.00").status_code == 201


def test_it_works(cast: Cast) -> None:
    paid(cast)
    payment, deposit = cast.client_of(cast.bola).get(ADDRESS).json()["results"]
    assert (payment["type"], payment["amount"], payment["provider"]) == ("bill_payment", "10.00", "wallet")
    assert (deposit["type"], deposit["amount"], deposit["provider"]) == ("deposit", "5000.00", "cash")


def test_it_is_filtered(cast: Cast) -> None:
    paid(cast)
    later = (cast.now + timedelta(hours=1)).isoformat()
    assert types(cast, type="deposit") == ["deposit"]
    assert types(cast, status="pending") == []
    assert types(cast, to=later) == ["bill_payment", "deposit"]
    assert types(cast, **{"from": later}) == []


@pytest.mark.parametrize("query", [{"type": "x"}, {"status": "x"}, {"from": "x"}, {"user_id": "x"}], ids=str)
def test_filters_are_checked(cast: Cast, query: dict[str, str]) -> None:
    assert cast.client_of(cast.bola).get(ADDRESS, query).status_code == 422


def test_pages_follow_each_other(cast: Cast) -> None:
    for _ in range(3):
        fund(cast, cast.bola, "1.00")
    bola = cast.client_of(cast.bola)
    first = bola.get(ADDRESS, {"limit": 2})
    second = bola.get(ADDRESS, {"limit": 2, "cursor": first.json()["next"]})
    assert len({*ids(first), *ids(second)}) == 3


def test_they_are_ones_own(cast: Cast) -> None:
    paid(cast)
    for person in (cast.residents[1], cast.ada, cast.efe, cast.chidi, cast.dayo):
        assert ids(cast.client_of(person).get(ADDRESS)) == []


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    for _ in range(2):
        fund(cast, cast.bola, "1.00")
    few = statements(lambda: bola.get(ADDRESS))
    for _ in range(28):
        fund(cast, cast.bola, "1.00")
    assert statements(lambda: bola.get(ADDRESS)) == few
