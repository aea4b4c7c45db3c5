"""`POST /management/payments/resolve_dispute/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_BILLS, OFFICE, bad_amounts, dispute, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "resolve_dispute/"


@pytest.fixture
def bill(cast: Cast) -> Bill:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    dispute(cast, cast.bola, bill)
    return bill


def dispute_id(cast: Cast) -> str:
    return str(cast.client_of(cast.efe).get(OFFICE + "disputes/").json()["results"][0]["id"])


def resolve(cast: Cast, resolution: str = "upheld", by: Person | None = None, **more: Any) -> Any:
    sent = {"dispute_id": dispute_id(cast), "resolution": resolution, "note": "We looked into it.", **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent)


def of_bola(cast: Cast, bill: Bill) -> Any:
    return cast.client_of(cast.bola).get(f"{MY_BILLS}{bill.id}/").json()


def test_it_works(cast: Cast, bill: Bill) -> None:
    answer = resolve(cast, amount_due="2000.00")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["note"]) == ("upheld", "We looked into it.")
    assert answer.json()["closed_by"] == str(cast.ada.user_id)
    mine = of_bola(cast, bill)
    assert (mine["amount"], mine["amount_due"], mine["status"]) == ("5000.00", "2000.00", "acknowledged")
    fund(cast, cast.bola, "2000.00")
    assert pay(cast.client_of(cast.bola), bill).json()["bill"]["status"] == "paid"


def test_upheld_without_an_amount_leaves_nothing_due(cast: Cast, bill: Bill) -> None:
    assert resolve(cast).status_code == 200
    assert (of_bola(cast, bill)["amount_due"], of_bola(cast, bill)["status"]) == ("0.00", "paid")


def test_rejected_leaves_what_is_owed(cast: Cast, bill: Bill) -> None:
    assert resolve(cast, "rejected").json()["status"] == "rejected"
    assert (of_bola(cast, bill)["amount_due"], of_bola(cast, bill)["status"]) == ("5000.00", "acknowledged")


def test_only_an_upheld_one_has_an_amount(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, "rejected", amount_due="1.00"), 422, "invalid_value", "amount_due")


def test_a_closed_dispute_stays(cast: Cast, bill: Bill) -> None:
    resolve(cast, "rejected")
    refused(resolve(cast), 409, "dispute_closed")


def test_what_was_paid_stays_owed(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "3000.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast.client_of(cast.bola), bill, "3000.00")
    dispute(cast, cast.bola, bill)
    refused(resolve(cast, amount_due="2999.99"), 409, "amount_below_paid")


def test_an_amount_is_not_raised(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, amount_due="5000.01"), 422, "invalid_value", "amount_due")


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, bill: Bill, amount: object) -> None:
    if amount not in (None, "0", "0.00"):
        assert resolve(cast, amount_due=amount).status_code == 422


def test_a_resolution_must_be_known(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, "withdrawn"), 422, "invalid", "resolution")


def test_a_note_is_given(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, note=""), 422, "invalid", "note")


def test_an_unknown_dispute_is_not_found(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, dispute_id=foreign_id()), 404, "dispute_not_found")


def test_another_estates_dispute_is_not_found(cast: Cast, bill: Bill) -> None:
    refused(resolve(cast, by=cast.dayo), 404, "dispute_not_found")


def test_it_needs_manage_bill(cast: Cast, bill: Bill) -> None:
    for person in (cast.efe, cast.bola):
        refused(resolve(cast, by=person), 403, "permission_missing")
