"""`GET /management/payments/transactions/`, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from clustr.bills.models import Bill
from clustr.web import csv_answers
from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_WALLET, OFFICE, foreign_id, ids, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "transactions/"


@pytest.fixture
def bill(cast: Cast) -> Bill:
    """A bill on which Bola paid, so that there is a deposit and a payment."""
    bill = issue(cast, title="=HYPERLINK(1)")
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    assert pay(cast.client_of(cast.bola), bill, "2000.00").status_code == 201
    return bill


def types(cast: Cast, **query: Any) -> list[str]:
    answer = cast.client_of(cast.efe).get(ADDRESS, query)
    assert answer.status_code == 200, answer.content
    return [row["type"] for row in answer.json()["results"]]


def lines(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_it_works(cast: Cast, bill: Bill) -> None:
    answer = cast.client_of(cast.efe).get(ADDRESS)
    payment, deposit = answer.json()["results"]
    assert (payment["type"], payment["status"], payment["amount"]) == ("bill_payment", "completed", "2000.00")
    assert (payment["bill_id"], payment["user_id"]) == (str(bill.id), str(cast.bola.user_id))
    assert (payment["provider"], payment["currency"], payment["refunded_amount"]) == ("wallet", "NGN", "0.00")
    assert (payment["failure"], payment["description"]) == (None, "=HYPERLINK(1)")
    assert payment["reference"]
    assert payment["created_at"] == payment["completed_at"]
    assert (deposit["type"], deposit["provider"], deposit["bill_id"]) == ("deposit", "cash", None)


def test_a_refund_belongs_to_the_bill_that_was_paid(cast: Cast, bill: Bill) -> None:
    (payment,) = ids(cast.client_of(cast.efe).get(ADDRESS, {"type": "bill_payment"}))
    refund = {"transaction_id": payment, "amount": "500.00", "reason": "Too much."}
    assert cast.client_of(cast.ada).post(OFFICE + "refund_transaction/", refund).status_code == 200
    for query in ({"bill_id": str(bill.id)}, {"type": "refund"}, {}):
        answer = cast.client_of(cast.efe).get(ADDRESS, query).json()["results"]
        assert [row["bill_id"] for row in answer if row["type"] == "refund"] == [str(bill.id)], query
    assert types(cast, bill_id=str(bill.id)) == ["refund", "bill_payment"]
    assert types(cast, bill_id=str(bill.id), type="refund") == ["refund"]
    assert types(cast, bill_id=foreign_id()) == []
    mine = cast.client_of(cast.bola).get(MY_WALLET + "transactions/", {"type": "refund"}).json()["results"]
    assert [row["bill_id"] for row in mine] == [str(bill.id)]
    written = lines(cast.client_of(cast.efe).get(ADDRESS, {"bill_id": str(bill.id), "format": "csv"}))
    assert [row[10] for row in written[1:]] == [str(bill.id)] * 2


def test_pages_of_a_bill_mix_payments_and_refunds(cast: Cast, bill: Bill) -> None:
    (payment,) = ids(cast.client_of(cast.efe).get(ADDRESS, {"type": "bill_payment"}))
    for _ in range(3):
        refund = {"transaction_id": payment, "amount": "100.00", "reason": "Again."}
        cast.client_of(cast.ada).post(OFFICE + "refund_transaction/", refund)
        pay(cast.client_of(cast.bola), bill, "100.00")
    whole = ids(cast.client_of(cast.efe).get(ADDRESS, {"bill_id": str(bill.id)}))
    assert whole == sorted(whole, reverse=True)
    assert len(whole) == 7
    paged: list[str] = []
    cursor = None
    while cursor or not paged:
        query = {"bill_id": str(bill.id), "limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = cast.client_of(cast.efe).get(ADDRESS, query)
        paged, cursor = paged + ids(answer), answer.json()["next"]
    assert paged == whole


def test_it_is_filtered(cast: Cast, bill: Bill) -> None:
    both = ["bill_payment", "deposit"]
    soon, before = ((cast.now + timedelta(hours=hours)).isoformat() for hours in (1, -1))
    assert types(cast, type="deposit") == ["deposit"]
    assert types(cast, status="completed") == both
    assert types(cast, status="failed") == []
    assert types(cast, user_id=str(cast.bola.user_id)) == both
    assert types(cast, user_id=str(cast.residents[1].user_id)) == []
    assert types(cast, bill_id=str(bill.id)) == ["bill_payment"]
    assert types(cast, provider="cash") == ["deposit"]
    assert types(cast, **{"from": before, "to": soon}) == both
    assert types(cast, **{"from": soon}) == []
    assert types(cast, to=before) == []


def test_pages_follow_each_other(cast: Cast, bill: Bill) -> None:
    efe = cast.client_of(cast.efe)
    first = efe.get(ADDRESS, {"limit": 1})
    second = efe.get(ADDRESS, {"limit": 1, "cursor": first.json()["next"]})
    assert second.json()["next"] is None
    assert len({*ids(first), *ids(second)}) == 2


@pytest.mark.parametrize(
    "query",
    [{"type": "gift"}, {"status": "lost"}, {"from": "today"}, {"format": "xml"}, {"bill_id": "1"}, {"since": "x"}],
    ids=str,
)
def test_filters_are_checked(cast: Cast, query: dict[str, str]) -> None:
    assert cast.client_of(cast.efe).get(ADDRESS, query).status_code == 422


def test_csv_is_streamed(cast: Cast, bill: Bill) -> None:
    answer = cast.client_of(cast.efe).get(ADDRESS, {"format": "csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert "transactions.csv" in answer["Content-Disposition"]
    header, payment, deposit = lines(answer)
    row = dict(zip(header, payment, strict=True))
    assert (row["type"], row["amount"], row["currency"]) == ("bill_payment", "2000.00", "NGN")
    assert (row["bill_id"], row["user_id"]) == (str(bill.id), str(cast.bola.user_id))
    assert row["description"] == "'=HYPERLINK(1)"
    assert row["created_at"].endswith("Z")
    assert deposit[header.index("type")] == "deposit"


def test_csv_is_filtered_and_goes_on_past_a_batch(cast: Cast, bill: Bill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_answers, "BATCH", 2)
    for _ in range(4):
        fund(cast, cast.bola, "1.00")
    assert len(lines(cast.client_of(cast.efe).get(ADDRESS, {"format": "csv"}))) == 7
    assert len(lines(cast.client_of(cast.efe).get(ADDRESS, {"format": "csv", "type": "bill_payment"}))) == 2


def test_another_estate_sees_nothing(cast: Cast, bill: Bill) -> None:
    dayo = cast.client_of(cast.dayo)
    assert ids(dayo.get(ADDRESS)) == []
    assert ids(dayo.get(ADDRESS, {"bill_id": str(bill.id)})) == []
    assert len(lines(dayo.get(ADDRESS, {"format": "csv"}))) == 1


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")
    refused(cast.client_of(cast.bola).get(ADDRESS, {"format": "csv"}), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast, bill: Bill) -> None:
    efe = cast.client_of(cast.efe)
    few = statements(lambda: efe.get(ADDRESS))
    for _ in range(28):
        fund(cast, cast.bola, "1.00")
    assert statements(lambda: efe.get(ADDRESS)) == few
