"""`GET /management/payments/dashboard/`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from clustr.clusters.types import Role
from tests.cast import Cast, Part
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, cancel, dispute, overdue, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "dashboard/"


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    wide, mine, late, gone = issue(cast), issue(cast, "700.00", to=cast.bola), issue(cast, "10.00"), issue(cast)
    for bill in (wide, mine):
        acknowledge(cast, cast.bola, bill)
    bola = cast.client_of(cast.bola)
    pay(bola, wide, "1000.00")
    pay(bola, mine)
    dispute(cast, cast.residents[1], wide)
    overdue(cast, late)
    cancel(cast, gone)
    seen = cast.client_of(cast.ada).get(ADDRESS).json()
    assert seen["totals"] == {
        "billed": "15730.00",
        "collected": "1700.00",
        "outstanding": "14030.00",
        "overdue": "30.00",
        "currency": "NGN",
    }
    assert seen["bills_by_status"] == {
        "cancelled": 1,
        "paid": 1,
        "disputed": 0,
        "overdue": 1,
        "partially_paid": 1,
        "acknowledged": 0,
        "pending_acknowledgment": 0,
    }
    assert seen["cluster_wallet"] == {"balance": "1700.00", "currency": "NGN"}
    assert len(seen["collections"]) == 12
    assert seen["collections"][-1] == {
        "month": f"{cast.now.astimezone(ZoneInfo(cast.palm_grove.timezone)):%Y-%m}",
        "amount": "1700.00",
    }
    assert {month["amount"] for month in seen["collections"][:-1]} == {"0.00"}
    assert [(band["upto_days"], band["bills"], band["amount"]) for band in seen["ageing"]] == [
        (30, 1, "30.00"),
        (60, 0, "0.00"),
        (90, 0, "0.00"),
        (None, 0, "0.00"),
    ]
    assert len(seen["collection_curve"]) == 90
    assert seen["collection_curve"][-1]["collected"] == "1700.00"
    assert [row["amount"] for row in seen["latest_transactions"]] == ["700.00", "1000.00", "5000.00"]
    assert seen["open_disputes"]["count"] == 1
    assert seen["open_disputes"]["latest"][0]["bill_id"] == str(wide.id)


def test_a_new_estate_has_an_empty_one(cast: Cast) -> None:
    seen = cast.client_of(cast.ada).get(ADDRESS).json()
    assert (seen["totals"]["billed"], seen["cluster_wallet"]["balance"]) == ("0.00", "0.00")
    assert seen["latest_transactions"] == []


def test_lowered_amounts_count(cast: Cast) -> None:
    bill = issue(cast)
    dispute(cast, cast.bola, bill)
    ada = cast.client_of(cast.ada)
    (found,) = ada.get(OFFICE + "disputes/").json()["results"]
    ada.post(
        OFFICE + "resolve_dispute/",
        {"dispute_id": found["id"], "resolution": "upheld", "amount_due": "1000.00", "note": "Half."},
    )
    assert ada.get(ADDRESS).json()["totals"]["billed"] == "11000.00"


def test_the_wallet_needs_view_wallet(cast: Cast) -> None:
    seen = cast.client_of(cast.efe).get(ADDRESS)
    assert seen.status_code == 200
    assert seen.json()["cluster_wallet"] is None


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")
    refused(cast.client_of(cast.manager("ViewWallet")).get(ADDRESS), 403, "permission_missing")


def test_another_estate_sees_its_own(cast: Cast) -> None:
    issue(cast)
    seen = cast.client_of(cast.dayo).get(ADDRESS).json()
    assert seen["totals"]["billed"] == "0.00"
    assert sum(seen["bills_by_status"].values()) == 0


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    for _ in range(2):
        issue(cast)
    fund(cast, cast.bola, "1.00")
    dispute(cast, cast.bola, issue(cast))
    ada = cast.client_of(cast.ada)
    few = statements(lambda: ada.get(ADDRESS))
    cast.add(cast.palm_grove, *(Part(f"More {number}", Role.RESIDENT) for number in range(27)))
    for person in cast.residents:
        dispute(cast, person, issue(cast, to=person))
        fund(cast, person, "1.00")
    assert statements(lambda: ada.get(ADDRESS)) == few
