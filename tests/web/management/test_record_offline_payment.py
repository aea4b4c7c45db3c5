"""`POST /management/payments/record_offline_payment/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, issue, wallet_balance
from tests.web.asking import OFFICE, bad_amounts, cancel, dispute, foreign_id, overdue, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "record_offline_payment/"


def record(cast: Cast, bill: Bill | None = None, by: Person | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    sent = {"user_id": str(cast.bola.user_id), "amount": "2000.00", "method": "cash", "reference": "R-1", **more}
    if bill is not None:
        sent["bill_id"] = str(bill.id)
    return cast.client_of(by or cast.ada).post(ADDRESS, sent, key=key)


def test_it_works(cast: Cast) -> None:
    answer = record(cast)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["type"], made["status"], made["amount"]) == ("deposit", "completed", "2000.00")
    assert (made["provider"], made["provider_reference"], made["bill_id"]) == ("cash", "R-1", None)
    assert wallet_balance(cast.bola) == "2000.00"


def test_on_a_bill(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    answer = record(cast, bill, method="bank_transfer")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["type"], made["bill_id"], made["provider"]) == ("bill_payment", str(bill.id), "bank_transfer")
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("0.00", "2000.00")


def test_a_receipt_is_booked_once(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    assert record(cast).status_code == 201
    refused(record(cast), 409, "reference_taken")
    refused(record(cast, bill), 409, "reference_taken")
    assert record(cast, method="pos").status_code == 201
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("4000.00", "0.00")


def test_a_full_width_letter_makes_no_other_receipt(cast: Cast) -> None:
    assert record(cast).status_code == 201
    refused(record(cast, reference="\uff32-1"), 409, "reference_taken")


def test_a_repeat_has_one_effect(cast: Cast) -> None:
    first, again = (record(cast, key="receipt") for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert wallet_balance(cast.bola) == "2000.00"


def test_a_bill_must_be_acknowledged(cast: Cast) -> None:
    refused(record(cast, issue(cast)), 409, "bill_not_acknowledged")


def test_a_bill_must_be_open(cast: Cast) -> None:
    disputed, cancelled, late, paid = (issue(cast, "2000.00") for _ in range(4))
    for bill in (disputed, cancelled, late, paid):
        acknowledge(cast, cast.bola, bill)
    dispute(cast, cast.bola, disputed)
    cancel(cast, cancelled)
    overdue(cast, late)
    assert record(cast, paid).status_code == 201
    refused(record(cast, disputed, reference="R-2"), 409, "bill_disputed")
    refused(record(cast, cancelled, reference="R-2"), 409, "bill_cancelled")
    refused(record(cast, late, reference="R-2"), 409, "bill_past_due")
    refused(record(cast, paid, reference="R-2"), 409, "bill_already_paid")


def test_never_more_than_remains(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    refused(record(cast, bill, amount="5000.01"), 409, "amount_exceeds_remaining")


def test_only_members_here(cast: Cast) -> None:
    for stranger in (str(cast.chidi.user_id), foreign_id()):
        refused(record(cast, user_id=stranger), 404, "member_not_found")
        refused(record(cast, issue(cast), user_id=stranger), 404, "bill_not_found")


def test_only_bills_of_that_member(cast: Cast) -> None:
    bill = issue(cast, to=cast.residents[1])
    refused(record(cast, bill), 404, "bill_not_found")
    refused(record(cast, bill_id=foreign_id()), 404, "bill_not_found")


def test_nobody_records_for_themselves(cast: Cast) -> None:
    refused(record(cast, user_id=str(cast.ada.user_id)), 403, "separation_of_duties")


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, amount: object) -> None:
    refused(record(cast, amount=amount), 422, "invalid", "amount")


@pytest.mark.parametrize("again", ["ft-abc-1", "FT ABC 1", "ftabc1", " FT/abc.1 "])
def test_one_slip_is_booked_once_however_it_is_typed(cast: Cast, again: str) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    assert record(cast, reference="FT-ABC-1").status_code == 201
    refused(record(cast, reference=again), 409, "reference_taken")
    refused(record(cast, bill, reference=again), 409, "reference_taken")
    assert record(cast, reference=again, method="pos").status_code == 201
    assert record(cast, reference="FT-ABC-11").status_code == 201


@pytest.mark.parametrize("reference", ["-", " . / ", "–", "№"])
def test_a_reference_names_something(cast: Cast, reference: str) -> None:
    refused(record(cast, reference=reference), 422, "invalid", "reference")


@pytest.mark.parametrize(("field", "value"), [("method", "cheque"), ("reference", ""), ("reference", "x" * 101)])
def test_values_are_checked(cast: Cast, field: str, value: str) -> None:
    refused(record(cast, **{field: value}), 422, "invalid", field)


def test_another_estate_reaches_nobody_here(cast: Cast) -> None:
    refused(record(cast, by=cast.dayo), 404, "member_not_found")


def test_it_needs_manage_bill(cast: Cast) -> None:
    for person in (cast.efe, cast.bola, cast.manager("CreditWallet", "TransferFunds")):
        refused(record(cast, by=person), 403, "permission_missing")
