"""`POST /management/payments/update_bill_status/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance
from tests.web.asking import MY_BILLS, OFFICE, foreign_id, pay, refused
from tests.web.pages.browsing import Browser

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "update_bill_status/"


def cancel(cast: Cast, bill: Bill, by: Person | None = None, **more: Any) -> Any:
    sent = {"bill_id": str(bill.id), "status": "cancelled", "reason": "Billed twice.", **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent)


def paid_by_bola(cast: Cast) -> Bill:
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    for amount in ("2000.00", "3000.00"):
        assert pay(cast.client_of(cast.bola), bill, amount).status_code == 201
    return bill


def test_it_works(cast: Cast) -> None:
    answer = cancel(cast, issue(cast))
    assert answer.status_code == 200
    bill = answer.json()
    assert (bill["status"], bill["cancel_reason"]) == ("cancelled", "Billed twice.")
    assert bill["cancelled_at"]
    owed = (bill["amount_due"], bill["amount_remaining"], bill["amount_outstanding"])
    assert owed == ("0.00", "0.00", "0.00")
    assert bill["amount_billed"] != "0.00"


def test_nobody_owes_anything_on_it(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    cancel(cast, bill)
    members = cast.client_of(cast.efe).get(f"{OFFICE}bills/{bill.id}/members/")
    assert {(one["amount_due"], one["amount_remaining"]) for one in members.json()["results"]} == {("0.00", "0.00")}
    assert not cast.client_of(cast.efe).get(f"{OFFICE}bills/{bill.id}/members/", {"unpaid": "true"}).json()["results"]
    bola = cast.client_of(cast.bola)
    mine = bola.get(f"{MY_BILLS}{bill.id}/").json()
    assert (mine["amount"], mine["amount_due"], mine["amount_remaining"]) == ("5000.00", "0.00", "0.00")
    assert bola.get(MY_BILLS + "summary/").json()["by_status"]["cancelled"]["amount_due"] == "0.00"
    page = Browser(cast.ada).open(f"/office/bills/{bill.id}/").content.decode()
    assert "Outstanding" in page
    assert page.count("5,000.00") == 1  # what each was to pay
    assert "Taken off" not in Browser(cast.bola).open(f"/app/bills/{bill.id}/").content.decode()


def test_payers_get_their_money_back(cast: Cast) -> None:
    bill = cancel(cast, paid_by_bola(cast), refund_payers=True).json()
    assert (bill["status"], bill["amount_collected"]) == ("cancelled", "0.00")
    assert wallet_balance(cast.bola) == "5000.00"
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_paid_bill_is_not_cancelled_by_mistake(cast: Cast) -> None:
    bill = paid_by_bola(cast)
    refused(cancel(cast, bill), 409, "bill_has_payments")
    refused(cancel(cast, bill, refund_payers=False), 409, "bill_has_payments")
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_only_once(cast: Cast) -> None:
    bill = issue(cast)
    cancel(cast, bill)
    refused(cancel(cast, bill), 409, "bill_cancelled")


@pytest.mark.parametrize("status", ["paid", "overdue", "acknowledged", "Cancelled", "nonsense"])
def test_every_other_status_is_derived(cast: Cast, status: str) -> None:
    refused(cancel(cast, issue(cast), status=status), 422, "status_is_derived")


def test_a_reason_is_given(cast: Cast) -> None:
    refused(cancel(cast, issue(cast), reason=" "), 422, "invalid", "reason")
    sent = {"bill_id": str(issue(cast).id), "status": "cancelled"}
    refused(cast.client_of(cast.ada).post(ADDRESS, sent), 422, "invalid", "reason")


def test_an_unknown_bill_is_not_found(cast: Cast) -> None:
    sent = {"bill_id": foreign_id(), "status": "cancelled", "reason": "x"}
    refused(cast.client_of(cast.ada).post(ADDRESS, sent), 404, "bill_not_found")


def test_another_estates_bill_is_not_found(cast: Cast) -> None:
    refused(cancel(cast, issue(cast), cast.dayo), 404, "bill_not_found")


def test_it_needs_manage_bill(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        refused(cancel(cast, issue(cast), person), 403, "permission_missing")
    refused(cancel(cast, issue(cast), cast.efe, status="paid"), 403, "permission_missing")
