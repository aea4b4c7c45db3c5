"""`GET /management/payments/bills/`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills.types import BillType
from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, cancel, dispute, ids, overdue, pay, refused, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "bills/"


def test_it_works(cast: Cast) -> None:
    first, second = issue(cast), issue(cast, "700.00", to=cast.bola)
    answer = cast.client_of(cast.efe).get(ADDRESS)
    assert ids(answer) == [str(second.id), str(first.id)]
    assert answer.json()["next"] is None
    row = answer.json()["results"][0]
    assert (row["amount"], row["user_id"], row["amount_remaining"]) == ("700.00", str(cast.bola.user_id), "700.00")
    assert "members_billed" not in row


def test_pages_follow_each_other(cast: Cast) -> None:
    made = [str(issue(cast).id) for _ in range(5)]
    efe, seen, cursor = cast.client_of(cast.efe), [], None
    while True:
        answer = efe.get(ADDRESS, {"limit": 2} | ({"cursor": cursor} if cursor else {}))
        seen += ids(answer)
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_it_is_filtered(cast: Cast) -> None:
    wide = issue(cast, title="Lawn and gate", type=BillType.MAINTENANCE)
    mine = issue(cast, to=cast.bola, due_date=cast.now + timedelta(days=40))
    efe = cast.client_of(cast.efe)
    soon = (cast.now + timedelta(days=20)).isoformat()
    for query, expected in (
        ({"scope": "cluster"}, wide),
        ({"scope": "user"}, mine),
        ({"user_id": str(cast.bola.user_id)}, mine),
        ({"type": "maintenance"}, wide),
        ({"due_before": soon}, wide),
        ({"due_after": soon}, mine),
        ({"q": "GATE"}, wide),
        ({"q": mine.bill_number.lower()}, mine),
        ({"q": mine.bill_number[-8:].lower()}, mine),
    ):
        assert ids(efe.get(ADDRESS, query)) == [str(expected.id)], query
    assert ids(efe.get(ADDRESS, {"category": "user_managed"})) == []
    assert ids(efe.get(ADDRESS, {"q": "100%"})) == []


def test_it_is_filtered_by_status(cast: Cast) -> None:
    bills = {
        name: issue(cast, "100.00") for name in ("pending_acknowledgment", "overdue", "partially_paid", "cancelled")
    }
    bills |= {name: issue(cast, "100.00", to=cast.bola) for name in ("paid", "acknowledged", "disputed")}
    fund(cast, cast.bola, "1000.00")
    bola = cast.client_of(cast.bola)
    for name in ("partially_paid", "paid", "acknowledged"):
        acknowledge(cast, cast.bola, bills[name])
    for name in ("partially_paid", "paid"):
        assert pay(bola, bills[name]).status_code == 201
    dispute(cast, cast.bola, bills["disputed"])
    cancel(cast, bills["cancelled"])
    overdue(cast, bills["overdue"])
    efe = cast.client_of(cast.efe)
    for name, bill in bills.items():
        answer = efe.get(ADDRESS, {"status": name})
        assert ids(answer) == [str(bill.id)], name
        assert answer.json()["results"][0]["status"] == name


@pytest.mark.parametrize(
    "query",
    [{"status": "late"}, {"type": "rent"}, {"scope": "all"}, {"user_id": "me"}, {"due_before": "soon"}, {"limit": 0},
     {"limit": 201}, {"cursor": "x"}, {"title": "x"}, {"q": "x" * 201}],
    ids=str,
)  # fmt: skip
def test_filters_are_checked(cast: Cast, query: dict[str, object]) -> None:
    assert cast.client_of(cast.efe).get(ADDRESS, query).status_code == 422


def test_a_cursor_belongs_to_its_filters(cast: Cast) -> None:
    for _ in range(3):
        issue(cast)
    efe = cast.client_of(cast.efe)
    cursor = efe.get(ADDRESS, {"limit": 1}).json()["next"]
    refused(efe.get(ADDRESS, {"limit": 1, "cursor": cursor, "scope": "cluster"}), 422, "invalid_cursor")
    refused(cast.client_of(cast.dayo).get(ADDRESS, {"cursor": cursor}), 422, "invalid_cursor")


def test_another_estate_sees_nothing(cast: Cast) -> None:
    issue(cast)
    assert ids(cast.client_of(cast.dayo).get(ADDRESS)) == []
    assert ids(cast.client_of(cast.dayo).get(ADDRESS, {"user_id": str(cast.bola.user_id)})) == []


def test_another_estate_cannot_be_chosen(cast: Cast) -> None:
    answer = cast.client_of(cast.dayo).get(ADDRESS, X_Cluster_ID=str(cast.cluster_id))
    refused(answer, 404, "cluster_not_found")


def test_it_needs_view_payments(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    efe = cast.client_of(cast.efe)
    for _ in range(2):
        issue(cast)
    few = statements(lambda: efe.get(ADDRESS))
    for _ in range(28):
        issue(cast, to=cast.bola)
    assert statements(lambda: efe.get(ADDRESS)) == few
