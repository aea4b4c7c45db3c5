"""`GET /management/payments/cluster_wallet/`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from clustr.bills.types import BillType
from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "cluster_wallet/"
DESTINATION = {"bank_code": "058", "account_number": "0123456789", "account_name": "Island Fuels"}


def collect(cast: Cast, amount: str, type: BillType = BillType.SERVICE_CHARGE) -> str:
    bill = issue(cast, amount, type=type)
    fund(cast, cast.bola, amount)
    acknowledge(cast, cast.bola, bill)
    paid = pay(cast.client_of(cast.bola), bill)
    assert paid.status_code == 201
    return str(paid.json()["transaction"]["id"])


def test_it_works(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    payment = collect(cast, "5000.00")
    collect(cast, "700.00", BillType.WATER)
    ada.post(OFFICE + "cluster_wallet_credit/", {"amount": "100.00", "description": "Hall", "source": "Ade & Sons"})
    sent = {"amount": "300.00", "description": "Diesel", "destination": DESTINATION}
    ada.post(OFFICE + "cluster_wallet_transfer/", sent)
    ada.post(OFFICE + "refund_transaction/", {"transaction_id": payment, "amount": "1000.00", "reason": "Twice."})

    wallet = ada.get(ADDRESS).json()
    assert (wallet["balance"], wallet["currency"]) == ("4500.00", "NGN")
    revenue = wallet["revenue"]
    assert (revenue["today"], revenue["this_month"], revenue["this_year"]) == ("4700.00", "4700.00", "4700.00")
    assert revenue["by_type"] == {"service_charge": "4000.00", "water": "700.00"}
    assert len(revenue["by_month"]) == 12
    assert revenue["by_month"][f"{cast.now.astimezone(ZoneInfo(cast.palm_grove.timezone)):%Y-%m}"] == "4700.00"
    operations = wallet["operations"]["results"]
    assert [(row["kind"], row["direction"], row["amount"], row["status"]) for row in operations] == [
        ("refund", "out", "1000.00", "completed"),
        ("transfer", "out", "300.00", "pending"),
        ("adjustment", "in", "100.00", "completed"),
        ("bill_payment", "in", "700.00", "completed"),
        ("bill_payment", "in", "5000.00", "completed"),
    ]
    refund, transfer, credit, payment_of_water, _ = operations
    assert (refund["reason"], refund["actor"]["name"]) == ("Twice.", "Ada")
    assert transfer["actor"] == {"user_id": str(cast.ada.user_id), "name": "Ada"}
    assert transfer["metadata"]["destination"] == {
        "account_number": "******6789",
        "account_name": "Island Fuels",
        "holder": "",
        "name_check": "not_checked",
    }
    assert credit["metadata"] == {"source": "Ade & Sons"}
    assert (payment_of_water["actor"]["name"], payment_of_water["metadata"]) == ("Bola", {"bill_type": "water"})
    assert payment_of_water["reference"]


def test_a_new_estate_has_an_empty_one(cast: Cast) -> None:
    wallet = cast.client_of(cast.ada).get(ADDRESS).json()
    assert (wallet["balance"], wallet["operations"]) == ("0.00", {"results": [], "next": None})
    assert set(wallet["revenue"]["by_month"].values()) == {"0.00"}


def test_pages_follow_each_other(cast: Cast) -> None:
    for amount in ("1.00", "2.00", "3.00"):
        collect(cast, amount)
    ada, seen, cursor = cast.client_of(cast.ada), [], None
    while True:
        operations = ada.get(ADDRESS, {"limit": 1} | ({"cursor": cursor} if cursor else {})).json()["operations"]
        seen += [row["amount"] for row in operations["results"]]
        cursor = operations["next"]
        if cursor is None:
            break
    assert seen == ["3.00", "2.00", "1.00"]


def test_another_estate_sees_its_own(cast: Cast) -> None:
    collect(cast, "5000.00")
    wallet = cast.client_of(cast.dayo).get(ADDRESS).json()
    assert (wallet["balance"], wallet["operations"]["results"]) == ("0.00", [])


def test_it_needs_view_wallet(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        refused(cast.client_of(person).get(ADDRESS), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    for amount in ("1.00", "2.00"):
        collect(cast, amount)
    few = statements(lambda: ada.get(ADDRESS))
    for number in range(28):
        collect(cast, f"{number + 1}.00")
    assert statements(lambda: ada.get(ADDRESS)) == few
