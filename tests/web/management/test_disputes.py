"""`GET /management/payments/disputes/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.money import issue
from tests.web.asking import MY_BILLS, OFFICE, dispute, ids, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "disputes/"


def test_it_works(cast: Cast) -> None:
    bill = issue(cast, title="Lawn")
    dispute(cast, cast.bola, bill)
    row = cast.client_of(cast.efe).get(ADDRESS).json()["results"][0]
    assert (row["bill_id"], row["bill_number"], row["bill_title"]) == (str(bill.id), bill.bill_number, "Lawn")
    assert (row["user_id"], row["name"], row["reason"]) == (str(cast.bola.user_id), "Bola", "Not mine.")
    assert (row["status"], row["closed_at"], row["note"]) == ("open", None, "")


def test_it_is_filtered_and_paged(cast: Cast) -> None:
    bills = [issue(cast) for _ in range(3)]
    for bill in bills:
        dispute(cast, cast.bola, bill)
    withdrawn = {"bill_id": str(bills[0].id), "reason": "Found it."}
    assert cast.client_of(cast.bola).post(MY_BILLS + "withdraw_dispute/", withdrawn).status_code == 200
    efe = cast.client_of(cast.efe)
    assert len(ids(efe.get(ADDRESS))) == 3
    assert [row["note"] for row in efe.get(ADDRESS, {"status": "withdrawn"}).json()["results"]] == ["Found it."]
    first = efe.get(ADDRESS, {"status": "open", "limit": 1})
    second = efe.get(ADDRESS, {"status": "open", "limit": 1, "cursor": first.json()["next"]})
    assert [row["bill_id"] for row in (*first.json()["results"], *second.json()["results"])] == [
        str(bills[2].id),
        str(bills[1].id),
    ]


def test_a_status_must_be_known(cast: Cast) -> None:
    refused(cast.client_of(cast.efe).get(ADDRESS, {"status": "closed"}), 422, "invalid", "status")


def test_another_estate_sees_nothing(cast: Cast) -> None:
    dispute(cast, cast.bola, issue(cast))
    assert ids(cast.client_of(cast.dayo).get(ADDRESS)) == []


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    efe = cast.client_of(cast.efe)
    for _ in range(2):
        dispute(cast, cast.bola, issue(cast))
    few = statements(lambda: efe.get(ADDRESS))
    for _ in range(28):
        dispute(cast, cast.bola, issue(cast, to=cast.bola))
    assert statements(lambda: efe.get(ADDRESS)) == few
