"""`/management/payments/recurring_payments/` and `pause_recurring_payment/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast, Person
from tests.money import fund
from tests.recurring.acts import order_of, process
from tests.web.asking import OFFICE, foreign_id, ids, refused, statements

pytestmark = pytest.mark.usefixtures("books")


def pause(cast: Cast, person: Person, order: object, reason: str = "She called") -> Any:
    sent = {"recurring_payment_id": str(order), "reason": reason}
    return cast.client_of(person).post(f"{OFFICE}pause_recurring_payment/", sent)


def test_it_works(cast: Cast) -> None:
    order, other = order_of(cast), order_of(cast, person=cast.residents[1])
    client = cast.client_of(cast.ada)
    assert ids(client.get(f"{OFFICE}recurring_payments/")) == [str(other), str(order)]
    assert ids(client.get(f"{OFFICE}recurring_payments/", {"user_id": str(cast.bola.user_id)})) == [str(order)]
    paused = pause(cast, cast.ada, order).json()
    assert (paused["status"], paused["stopped_by"], paused["reason"]) == ("paused", "office", "She called")
    assert ids(client.get(f"{OFFICE}recurring_payments/", {"status": "paused"})) == [str(order)]


def test_what_the_office_paused_its_member_resumes_once_it_is_let_go(cast: Cast) -> None:
    order = order_of(cast)
    named = {"recurring_payment_id": str(order)}
    resume = "/members/recurring-payments/resume/"
    assert not pause(cast, cast.ada, order).json()["can_resume"]
    refused(cast.client_of(cast.bola).post(resume, named), 409, "recurring_payment_held")
    let_go = cast.client_of(cast.ada).post(f"{OFFICE}release_recurring_payment/", named).json()
    assert (let_go["status"], let_go["stopped_by"], let_go["can_resume"]) == ("paused", "released", True)
    again = cast.client_of(cast.ada).post(f"{OFFICE}release_recurring_payment/", named)
    refused(again, 409, "recurring_payment_not_held")
    assert cast.client_of(cast.bola).post(resume, named).json()["status"] == "active"


def test_the_list_costs_the_same_however_long(cast: Cast) -> None:
    client = cast.client_of(cast.ada)
    order_of(cast)
    few = statements(lambda: client.get(f"{OFFICE}recurring_payments/"))
    for _ in range(9):
        order_of(cast)
    assert statements(lambda: client.get(f"{OFFICE}recurring_payments/")) == few


def test_it_needs_the_permission(cast: Cast) -> None:
    order = order_of(cast)
    assert cast.client_of(cast.efe).get(f"{OFFICE}recurring_payments/").status_code == 200
    refused(pause(cast, cast.efe, order), 403, "permission_missing")
    refused(cast.client_of(cast.bola).get(f"{OFFICE}recurring_payments/"), 403, "permission_missing")


def test_what_is_not_there_is_not_paused(cast: Cast) -> None:
    refused(pause(cast, cast.ada, foreign_id()), 404, "recurring_payment_not_found")
    refused(pause(cast, cast.dayo, order_of(cast)), 404, "recurring_payment_not_found")


def test_a_reason_is_needed(cast: Cast) -> None:
    refused(pause(cast, cast.ada, order_of(cast), ""), 422, "invalid", "reason")


def test_a_contribution_shows_in_the_statement_and_the_revenue(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00")
    process(cast)
    wallet = cast.client_of(cast.ada).get(f"{OFFICE}cluster_wallet/").json()
    (line,) = wallet["operations"]["results"]
    assert (line["kind"], line["direction"], line["amount"], line["reason"]) == (
        "contribution",
        "in",
        "1000.00",
        "Garden",
    )
    assert line["metadata"] == {}
    assert wallet["revenue"]["by_type"] == {"contribution": "1000.00"}
    assert wallet["balance"] == "1000.00"
