"""`GET /members/bills/summary/`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_BILLS, cancel, overdue, pay, statements

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_BILLS + "summary/"


def test_it_works(cast: Cast) -> None:
    part, late, gone = (issue(cast, "100.00") for _ in range(3))
    soon = issue(cast, "200.00", due_date=cast.now + timedelta(days=3))
    fund(cast, cast.bola, "50.00")
    acknowledge(cast, cast.bola, part)
    pay(cast.client_of(cast.bola), part, "40.00")
    overdue(cast, late)
    cancel(cast, gone)
    summary = cast.client_of(cast.bola).get(ADDRESS).json()
    assert summary["by_status"]["partially_paid"] == {"count": 1, "amount_due": "100.00", "amount_paid": "40.00"}
    assert {status: line["count"] for status, line in summary["by_status"].items()} == {
        "cancelled": 1,
        "paid": 0,
        "disputed": 0,
        "overdue": 1,
        "partially_paid": 1,
        "acknowledged": 0,
        "pending_acknowledgment": 1,
    }
    assert (summary["amount_outstanding"], summary["currency"]) == ("360.00", "NGN")
    assert summary["next_due_date"] == soon.due_date.isoformat().replace("+00:00", "Z")


def test_a_stranger_has_none_of_this_estate(cast: Cast) -> None:
    issue(cast)
    summary = cast.client_of(cast.chidi).get(ADDRESS).json()
    assert sum(line["count"] for line in summary["by_status"].values()) == 0
    assert (summary["amount_outstanding"], summary["next_due_date"]) == ("0.00", None)


def test_it_takes_as_many_statements_for_many(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    for _ in range(2):
        issue(cast)
    few = statements(lambda: bola.get(ADDRESS))
    for _ in range(28):
        issue(cast, to=cast.bola)
    assert statements(lambda: bola.get(ADDRESS)) == few
