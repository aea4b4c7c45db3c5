"""`POST /members/bills/dispute_bill/` and `withdraw_dispute/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_BILLS, cancel, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")


def ask(cast: Cast, bill: Bill, by: Person | None = None, reason: object = "There was no water.") -> Any:
    sent = {"bill_id": str(bill.id), "reason": reason}
    return cast.client_of(by or cast.bola).post(MY_BILLS + "dispute_bill/", sent)


def withdraw(cast: Cast, bill: Bill, by: Person | None = None) -> Any:
    return cast.client_of(by or cast.bola).post(MY_BILLS + "withdraw_dispute/", {"bill_id": str(bill.id)})


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    answer = ask(cast, bill)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["can_pay"]) == ("disputed", False)
    answer = withdraw(cast, bill)
    assert (answer.status_code, answer.json()["status"]) == (200, "pending_acknowledgment")


def test_an_earlier_acknowledgment_survives(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    assert ask(cast, bill).json()["acknowledged_at"]
    withdrawn = withdraw(cast, bill).json()
    assert (withdrawn["status"], withdrawn["can_pay"]) == ("acknowledged", True)


def test_it_stops_payment_of_that_member_only(cast: Cast) -> None:
    bill, second = issue(cast), cast.residents[1]
    for person in (cast.bola, second):
        fund(cast, person, "5000.00")
        acknowledge(cast, person, bill)
    ask(cast, bill)
    refused(pay(cast.client_of(cast.bola), bill), 409, "bill_disputed")
    assert pay(cast.client_of(second), bill).status_code == 201


def test_it_is_disputed_once_at_a_time(cast: Cast) -> None:
    bill = issue(cast)
    ask(cast, bill)
    refused(ask(cast, bill), 409, "already_disputed")
    withdraw(cast, bill)
    assert ask(cast, bill).status_code == 200


def test_a_paid_bill_is_not_disputed(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast.client_of(cast.bola), bill)
    refused(ask(cast, bill), 409, "bill_already_paid")


def test_a_cancelled_bill_is_not_disputed(cast: Cast) -> None:
    bill = issue(cast)
    cancel(cast, bill)
    refused(ask(cast, bill), 409, "bill_cancelled")


@pytest.mark.parametrize("reason", ["", " ", None, 5, "x" * 2_001])
def test_a_reason_is_given(cast: Cast, reason: object) -> None:
    refused(ask(cast, issue(cast), reason=reason), 422, "invalid", "reason")


def test_foreign_bills_are_not_found(cast: Cast) -> None:
    bill, others = issue(cast), issue(cast, to=cast.residents[1])
    refused(ask(cast, others), 404, "bill_not_found")
    refused(ask(cast, bill, cast.chidi), 404, "bill_not_found")
    refused(ask(cast, bill, cast.ada), 404, "bill_not_found")
    sent = {"bill_id": foreign_id(), "reason": "x"}
    refused(cast.client_of(cast.bola).post(MY_BILLS + "dispute_bill/", sent), 404, "bill_not_found")


def test_only_ones_own_open_dispute_is_withdrawn(cast: Cast) -> None:
    bill = issue(cast)
    refused(withdraw(cast, bill), 404, "dispute_not_found")
    ask(cast, bill)
    for other in (cast.residents[1], cast.chidi, cast.ada):
        refused(withdraw(cast, bill, other), 404, "dispute_not_found")
    withdraw(cast, bill)
    refused(withdraw(cast, bill), 404, "dispute_not_found")
