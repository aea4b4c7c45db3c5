"""`GET /members/wallet/statement/`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_WALLET, pay, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_WALLET + "statement/"


def seen(cast: Cast, **query: Any) -> list[tuple[str, str]]:
    answer = cast.client_of(cast.bola).get(ADDRESS, query)
    assert answer.status_code == 200, answer.content
    return [(row["amount"], row["balance"]) for row in answer.json()["results"]]


def walked(client: Any, **query: Any) -> Iterator[tuple[str, str]]:
    cursor = ""
    while cursor is not None:
        page = client.get(ADDRESS, {**query, **({"cursor": cursor} if cursor else {})}).json()
        yield from ((row["amount"], row["balance"]) for row in page["results"])
        cursor = page["next"]


def moved(cast: Cast) -> None:
    """Three deposits, two payments between."""
    acknowledge(cast, cast.bola, bill := issue(cast, "5000.00", title="Road levy"))
    client = cast.client_of(cast.bola)
    for came, went in (("100.00", "30.00"), ("50.00", "20.00")):
        fund(cast, cast.bola, came)
        assert pay(client, bill, went).status_code == 201
    fund(cast, cast.bola, "7.00")


ALL = [("7.00", "107.00"), ("-20.00", "100.00"), ("50.00", "120.00"), ("-30.00", "70.00"), ("100.00", "100.00")]


def test_it_works(cast: Cast) -> None:
    assert seen(cast) == []
    moved(cast)
    assert seen(cast) == ALL
    row = cast.client_of(cast.bola).get(ADDRESS).json()["results"][1]
    assert row["currency"] == "NGN"
    assert (row["transaction"]["type"], row["transaction"]["amount"]) == ("bill_payment", "20.00")


def test_what_is_left_out_still_counts(cast: Cast) -> None:
    moved(cast)
    assert seen(cast, q="road") == [ALL[1], ALL[3]]
    reference = cast.client_of(cast.bola).get(ADDRESS).json()["results"][3]["transaction"]["reference"]
    assert seen(cast, q=reference) == [ALL[3]]
    assert seen(cast, q="nothing of this") == []
    later = (cast.now + timedelta(hours=1)).isoformat()
    assert seen(cast, to=later) == ALL
    assert seen(cast, **{"from": later}) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_pages_follow_each_other(cast: Cast, limit: int) -> None:
    moved(cast)
    client = cast.client_of(cast.bola)
    assert list(walked(client, limit=limit)) == ALL
    assert list(walked(client, limit=limit, q="road")) == [ALL[1], ALL[3]]


def test_a_page_is_exact_though_money_came_after_the_one_before(cast: Cast) -> None:
    moved(cast)
    client = cast.client_of(cast.bola)
    first = client.get(ADDRESS, {"limit": 2}).json()
    fund(cast, cast.bola, "1000.00")
    rest = client.get(ADDRESS, {"limit": 3, "cursor": first["next"]}).json()
    assert [(row["amount"], row["balance"]) for row in rest["results"]] == ALL[2:]


def test_it_comes_as_csv(cast: Cast) -> None:
    moved(cast)
    answer = cast.client_of(cast.bola).get(ADDRESS, {"format": "csv"})
    assert answer["Content-Disposition"] == 'attachment; filename="statement.csv"'
    lines = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    assert [(line["amount"], line["balance"]) for line in lines] == ALL
    assert {line["type"] for line in lines} == {"deposit", "bill_payment"}


@pytest.mark.parametrize("query", [{"from": "x"}, {"format": "xml"}, {"type": "deposit"}, {"cursor": "x"}], ids=str)
def test_what_is_asked_is_checked(cast: Cast, query: dict[str, str]) -> None:
    assert cast.client_of(cast.bola).get(ADDRESS, query).status_code == 422


def test_it_is_ones_own(cast: Cast) -> None:
    moved(cast)
    for person in (cast.residents[1], cast.ada, cast.efe, cast.chidi, cast.dayo):
        assert cast.client_of(person).get(ADDRESS).json()["results"] == []


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    client = cast.client_of(cast.bola)
    fund(cast, cast.bola, "1.00")
    few = statements(lambda: client.get(ADDRESS))
    for _ in range(20):
        fund(cast, cast.bola, "1.00")
    assert statements(lambda: client.get(ADDRESS)) == few
