"""`GET` and `PATCH /management/payments/bills/{id}/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.web.asking import OFFICE, bad_amounts, cancel, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")


def address(bill: Bill) -> str:
    return f"{OFFICE}bills/{bill.id}/"


def patch(cast: Cast, bill: Bill, by: Person | None = None, **changes: Any) -> Any:
    return cast.client_of(by or cast.ada).patch(address(bill), changes)


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    pay(cast.client_of(cast.bola), bill)
    seen = cast.client_of(cast.efe).get(address(bill)).json()
    assert (seen["members_billed"], seen["acknowledged_count"], seen["disputed_count"]) == (3, 1, 0)
    assert (seen["paid_count"], seen["amount_collected"], seen["amount_outstanding"]) == (1, "5000.00", "10000.00")
    assert (seen["status"], seen["can_acknowledge"], seen["can_pay"]) == ("partially_paid", False, False)


def test_whoever_manages_bills_sees_it(cast: Cast) -> None:
    bill = issue(cast)
    assert cast.client_of(cast.manager("ManageBill")).get(address(bill)).status_code == 200


def test_it_is_changed(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    due = (cast.now + timedelta(days=30)).isoformat()
    answer = patch(cast, bill, title="Lawn", description="New", amount="4000.00", due_date=due)
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["title"], changed["description"], changed["amount"]) == ("Lawn", "New", "4000.00")
    assert (changed["version"], changed["acknowledged_count"]) == (2, 0)


def test_what_is_no_term_keeps_the_version(cast: Cast) -> None:
    bill = issue(cast)
    changed = patch(cast, bill, allow_payment_after_due=True).json()
    assert (changed["allow_payment_after_due"], changed["version"]) == (True, 1)


def test_terms_stay_once_somebody_paid(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    pay(cast.client_of(cast.bola), bill, "1.00")
    refused(patch(cast, bill, amount="4000.00"), 409, "bill_has_payments")
    assert patch(cast, bill, allow_payment_after_due=True).status_code == 200


def test_a_cancelled_bill_stays(cast: Cast) -> None:
    bill = issue(cast)
    cancel(cast, bill)
    refused(patch(cast, bill, title="x"), 409, "bill_cancelled")


def test_the_due_date_must_lie_ahead(cast: Cast) -> None:
    refused(patch(cast, issue(cast), due_date=cast.now.isoformat()), 422, "due_date_not_ahead")


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, amount: object) -> None:
    if amount is not None:
        assert patch(cast, issue(cast), amount=amount).status_code == 422


@pytest.mark.parametrize("field", ["status", "type", "currency", "user_id", "version"])
def test_other_fields_cannot_be_changed(cast: Cast, field: str) -> None:
    refused(patch(cast, issue(cast), **{field: "paid"}), 422, "invalid", field)


def test_an_unknown_bill_is_not_found(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    for unknown in (foreign_id(), "1", "null"):
        assert ada.get(f"{OFFICE}bills/{unknown}/").status_code == 404
        assert ada.patch(f"{OFFICE}bills/{unknown}/", {"title": "x"}).status_code == 404


def test_another_estates_bill_is_not_found(cast: Cast) -> None:
    bill = issue(cast)
    refused(cast.client_of(cast.dayo).get(address(bill)), 404, "bill_not_found")
    refused(patch(cast, bill, cast.dayo, title="Mine"), 404, "bill_not_found")


def test_it_needs_permissions(cast: Cast) -> None:
    bill = issue(cast)
    refused(cast.client_of(cast.bola).get(address(bill)), 403, "permission_missing")
    refused(patch(cast, bill, cast.efe, title="x"), 403, "permission_missing")
    refused(patch(cast, bill, cast.bola, title="x"), 403, "permission_missing")
