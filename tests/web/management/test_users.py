"""`GET /management/payments/users/`: members, each with the hover card of their bills."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.clusters.types import Role
from clustr.people.models import User
from tests.cast import Cast, Part
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, cancel, dispute, overdue, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "users/"


def names(cast: Cast, **query: Any) -> list[str]:
    answer = cast.client_of(cast.efe).get(ADDRESS, query)
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    paid, part, agreed, disputed, late, gone = (issue(cast, "100.00") for _ in range(6))
    later = issue(cast, "300.00")
    for bill in (paid, part, agreed, late):
        acknowledge(cast, cast.bola, bill)
    bola = cast.client_of(cast.bola)
    pay(bola, paid)
    pay(bola, part, "30.00")
    dispute(cast, cast.bola, disputed)
    overdue(cast, late)
    cancel(cast, gone)
    rows = cast.client_of(cast.efe).get(ADDRESS).json()["results"]
    by_name = {row["name"]: row for row in rows}
    assert by_name.keys() == cast.palm_grove.people.keys()
    row = by_name["Bola"]
    assert (row["email"], row["unit"], row["role"]) == (cast.bola.email, "A1", "resident")
    assert row["user_id"] == str(cast.bola.user_id)
    assert row["joined_at"]
    assert row["bill_status"] == {
        "pending_acknowledgment": 1,
        "acknowledged": 1,
        "disputed": 1,
        "overdue": 1,
        "partially_paid": 1,
        "paid": 1,
        "amount_outstanding": "670.00",
        "currency": "NGN",
        "next_due_date": later.due_date.isoformat().replace("+00:00", "Z"),
    }
    assert by_name["Efe"]["bill_status"]["amount_outstanding"] == "0.00"


def test_it_finds_by_name_address_phone_and_unit(cast: Cast) -> None:
    User.objects.filter(id=cast.bola.user_id).update(phone="+234 803 555 0199")
    for q in ("bol", "BOLA", cast.bola.email, "08035550199", "0803555", "a1"):
        assert names(cast, q=q) == ["Bola"], q
    assert names(cast, q="nobody-at-all") == []


@pytest.mark.parametrize("q", ["%", "'", "\\", ":*", "&|!()", "a & !b", "<->", "{0}", "%(cluster)s"])
def test_any_text_can_be_looked_for(cast: Cast, q: str) -> None:
    assert isinstance(names(cast, q=q), list)


def test_it_is_filtered_by_status(cast: Cast) -> None:
    bola, second, third = cast.residents
    bill = issue(cast, "100.00")
    for person in (bola, second):
        fund(cast, person, "100.00")
        acknowledge(cast, person, bill)
    pay(cast.client_of(bola), bill)
    assert names(cast, status="paid") == ["Bola"]
    assert names(cast, status="acknowledged") == [second.name]
    assert names(cast, status="pending_acknowledgment") == [third.name]
    pay(cast.client_of(second), bill, "1.00")
    dispute(cast, third, bill)
    assert names(cast, status="partially_paid") == [second.name]
    assert names(cast, status="disputed") == [third.name]
    assert names(cast, status="disputed", q="bola") == []
    overdue(cast, issue(cast))
    assert names(cast, status="overdue") == [person.name for person in cast.residents]


def test_pages_follow_each_other(cast: Cast) -> None:
    issue(cast)
    efe, seen, cursor = cast.client_of(cast.efe), [], None
    while True:
        query = {"limit": 2, "status": "pending_acknowledgment"} | ({"cursor": cursor} if cursor else {})
        answer = efe.get(ADDRESS, query).json()
        seen += [row["name"] for row in answer["results"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == [person.name for person in cast.residents]


def test_a_status_must_be_known(cast: Cast) -> None:
    refused(cast.client_of(cast.efe).get(ADDRESS, {"status": "late"}), 422, "invalid", "status")


def test_another_estates_members_are_not_seen(cast: Cast) -> None:
    issue(cast)
    rows = cast.client_of(cast.dayo).get(ADDRESS).json()["results"]
    assert {row["name"] for row in rows} == {"Dayo", "Chidi"}
    assert all(row["bill_status"]["pending_acknowledgment"] == 0 for row in rows)
    assert cast.client_of(cast.dayo).get(ADDRESS, {"q": "Bola"}).json()["results"] == []


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")
    refused(cast.client_of(cast.manager("ManageMembers")).get(ADDRESS), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    issue(cast)
    efe = cast.client_of(cast.efe)
    few = statements(lambda: efe.get(ADDRESS))
    found = statements(lambda: efe.get(ADDRESS, {"q": "example", "status": "pending_acknowledgment"}))
    cast.add(cast.palm_grove, *(Part(f"More {number}", Role.RESIDENT) for number in range(27)))
    assert statements(lambda: efe.get(ADDRESS)) == few
    assert statements(lambda: efe.get(ADDRESS, {"q": "example", "status": "pending_acknowledgment"})) == found
