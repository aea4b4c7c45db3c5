"""`GET /members/bills/my_bills/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.bills.types import BillType
from tests.cast import Cast, anonymous
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_BILLS, cancel, dispute, ids, overdue, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_BILLS + "my_bills/"


def test_it_works(cast: Cast) -> None:
    wide, mine = issue(cast), issue(cast, "700.00", to=cast.bola, description="For the gate.")
    answer = cast.client_of(cast.bola).get(ADDRESS)
    assert ids(answer) == [str(mine.id), str(wide.id)]
    row = answer.json()["results"][0]
    instant = {name: row.pop(name) for name in ("due_date", "issued_at")}
    assert all(value.endswith("Z") for value in instant.values())
    assert row == {
        "id": str(mine.id),
        "bill_number": mine.bill_number,
        "title": "Service charge",
        "description": "For the gate.",
        "type": "service_charge",
        "category": "cluster_managed",
        "amount": "700.00",
        "currency": "NGN",
        "amount_due": "700.00",
        "amount_paid": "0.00",
        "amount_remaining": "700.00",
        "status": "pending_acknowledgment",
        "is_cluster_wide": False,
        "allow_payment_after_due": False,
        "acknowledged_at": None,
        "can_acknowledge": True,
        "can_pay": False,
        "version": 1,
    }
    assert answer.json()["results"][1]["is_cluster_wide"]


def test_nobody_elses(cast: Cast) -> None:
    issue(cast, to=cast.residents[1])
    assert ids(cast.client_of(cast.bola).get(ADDRESS)) == []


def test_a_stranger_sees_nothing_of_this_estate(cast: Cast) -> None:
    issue(cast)
    for stranger in (cast.chidi, cast.dayo):
        assert ids(cast.client_of(stranger).get(ADDRESS)) == []
        answer = cast.client_of(stranger).get(ADDRESS, X_Cluster_ID=str(cast.cluster_id))
        refused(answer, 404, "cluster_not_found")


def test_managers_are_billed_only_as_residents(cast: Cast) -> None:
    issue(cast)
    assert ids(cast.client_of(cast.ada).get(ADDRESS)) == []


def test_who_moves_in_before_it_is_due_has_it(cast: Cast) -> None:
    everybody, old_hands = issue(cast), issue(cast, members_at_issue_only=True)
    late = cast.add_resident(joined_at=cast.now + timedelta(seconds=1))
    with_both = ids(cast.client_of(cast.bola).get(ADDRESS))
    assert with_both == [str(old_hands.id), str(everybody.id)]
    del late  # becomes a member a second from now; test_tallies has the rest


def test_it_is_filtered_by_status(cast: Cast) -> None:
    names = ("pending_acknowledgment", "acknowledged", "partially_paid", "paid", "disputed", "overdue", "cancelled")
    bills = {name: issue(cast, "100.00") for name in names}
    fund(cast, cast.bola, "1000.00")
    bola = cast.client_of(cast.bola)
    for name in ("acknowledged", "partially_paid", "paid"):
        acknowledge(cast, cast.bola, bills[name])
    pay(bola, bills["partially_paid"], "1.00")
    pay(bola, bills["paid"])
    dispute(cast, cast.bola, bills["disputed"])
    overdue(cast, bills["overdue"])
    cancel(cast, bills["cancelled"])
    for name, bill in bills.items():
        answer = bola.get(ADDRESS, {"status": name})
        assert ids(answer) == [str(bill.id)], name
        assert answer.json()["results"][0]["status"] == name
    assert ids(bola.get(ADDRESS, {"status": "pending"})) == [str(bills["acknowledged"].id)]


def test_it_is_filtered_by_type_and_category(cast: Cast) -> None:
    water = issue(cast, type=BillType.WATER)
    issue(cast)
    bola = cast.client_of(cast.bola)
    assert ids(bola.get(ADDRESS, {"type": "water"})) == [str(water.id)]
    assert len(ids(bola.get(ADDRESS, {"category": "cluster_managed"}))) == 2
    assert ids(bola.get(ADDRESS, {"category": "user_managed"})) == []


@pytest.mark.parametrize(
    "query", [{"status": "late"}, {"type": "rent"}, {"category": "x"}, {"user_id": "x"}, {"limit": "-1"}], ids=str
)
def test_filters_are_checked(cast: Cast, query: dict[str, Any]) -> None:
    assert cast.client_of(cast.bola).get(ADDRESS, query).status_code == 422


def test_pages_follow_each_other(cast: Cast) -> None:
    made = [str(issue(cast).id) for _ in range(3)]
    bola = cast.client_of(cast.bola)
    first = bola.get(ADDRESS, {"limit": 2})
    second = bola.get(ADDRESS, {"limit": 2, "cursor": first.json()["next"]})
    assert ids(first) + ids(second) == made[::-1]
    assert second.json()["next"] is None


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(anonymous().get(ADDRESS), 401, "not_signed_in")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    for _ in range(2):
        issue(cast)
    few = statements(lambda: bola.get(ADDRESS))
    for _ in range(28):
        issue(cast, to=cast.bola)
    assert statements(lambda: bola.get(ADDRESS)) == few
