"""`GET /management/payments/bills/{id}/members/`."""

from __future__ import annotations

import pytest

from clustr.bills.models import Bill
from clustr.clusters.types import Role
from tests.cast import Cast, Part
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, dispute, foreign_id, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")


def address(bill: Bill) -> str:
    return f"{OFFICE}bills/{bill.id}/members/"


def test_it_works(cast: Cast) -> None:
    bill, (bola, second, third) = issue(cast), cast.residents
    fund(cast, bola, "5000.00")
    acknowledge(cast, bola, bill)
    pay(cast.client_of(bola), bill, "2000.00")
    dispute(cast, second, bill)
    rows = cast.client_of(cast.efe).get(address(bill)).json()["results"]
    by_name = {row["name"]: row for row in rows}
    assert by_name.keys() == {person.name for person in cast.residents}
    assert by_name["Bola"]["unit"] == "A1"
    assert (by_name["Bola"]["status"], by_name["Bola"]["amount_remaining"]) == ("partially_paid", "3000.00")
    assert by_name["Bola"]["acknowledged_at"]
    assert by_name[second.name]["status"] == "disputed"
    assert by_name[third.name]["status"] == "pending_acknowledgment"


def test_it_is_filtered(cast: Cast) -> None:
    bill, efe = issue(cast), cast.client_of(cast.efe)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast.client_of(cast.bola), bill)
    paid = efe.get(address(bill), {"status": "paid"}).json()["results"]
    assert [row["user_id"] for row in paid] == [str(cast.bola.user_id)]
    unpaid = efe.get(address(bill), {"unpaid": "true"}).json()["results"]
    assert {row["user_id"] for row in unpaid} == {str(person.user_id) for person in cast.residents[1:]}


def test_a_bill_to_one_has_one(cast: Cast) -> None:
    rows = cast.client_of(cast.efe).get(address(issue(cast, to=cast.bola))).json()["results"]
    assert [(row["user_id"], row["unit"]) for row in rows] == [(str(cast.bola.user_id), "A1")]


def test_pages_follow_each_other(cast: Cast) -> None:
    bill, efe = issue(cast), cast.client_of(cast.efe)
    first = efe.get(address(bill), {"limit": 2}).json()
    second = efe.get(address(bill), {"limit": 2, "cursor": first["next"]}).json()
    assert second["next"] is None
    seen = [row["user_id"] for row in first["results"] + second["results"]]
    assert sorted(seen) == sorted(str(person.user_id) for person in cast.residents)


def test_it_must_be_a_bill_of_ones_own_estate(cast: Cast) -> None:
    bill = issue(cast)
    refused(cast.client_of(cast.dayo).get(address(bill)), 404, "bill_not_found")
    refused(cast.client_of(cast.efe).get(f"{OFFICE}bills/{foreign_id()}/members/"), 404, "bill_not_found")


def test_a_status_must_be_known(cast: Cast) -> None:
    refused(cast.client_of(cast.efe).get(address(issue(cast)), {"status": "late"}), 422, "invalid", "status")


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(address(issue(cast))), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    bill, efe = issue(cast), cast.client_of(cast.efe)
    few = statements(lambda: efe.get(address(bill)))
    cast.add(cast.palm_grove, *(Part(f"More {number}", Role.RESIDENT) for number in range(27)))
    assert statements(lambda: efe.get(address(bill))) == few
    assert len(efe.get(address(bill)).json()["results"]) == 30
