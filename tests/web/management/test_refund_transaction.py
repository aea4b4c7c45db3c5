"""`POST /management/payments/refund_transaction/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance
from tests.settlement.stage import Stage
from tests.web.asking import MY_BILLS, OFFICE, bad_amounts, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "refund_transaction/"


@pytest.fixture
def payment(cast: Cast) -> dict[str, Any]:
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    made: dict[str, Any] = pay(cast.client_of(cast.bola), bill).json()["transaction"]
    return made


def refund(cast: Cast, transaction: dict[str, Any], by: Person | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    sent = {"transaction_id": transaction["id"], "reason": "Paid twice.", **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent, key=key)


def test_it_works(cast: Cast, payment: dict[str, Any]) -> None:
    answer = refund(cast, payment)
    assert answer.status_code == 200
    made = answer.json()
    assert (made["type"], made["status"], made["amount"]) == ("refund", "completed", "5000.00")
    assert (made["user_id"], made["bill_id"]) == (str(cast.bola.user_id), payment["bill_id"])
    assert made["description"] == "Paid twice."
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("5000.00", "0.00")
    original = cast.client_of(cast.efe).get(OFFICE + "transactions/", {"bill_id": payment["bill_id"]}).json()
    assert [(row["type"], row["status"], row["refunded_amount"]) for row in original["results"]] == [
        ("refund", "completed", "0.00"),
        ("bill_payment", "refunded", "5000.00"),
    ]
    mine = cast.client_of(cast.bola).get(f"{MY_BILLS}{payment['bill_id']}/").json()
    assert (mine["amount_paid"], mine["status"]) == ("0.00", "acknowledged")


def test_in_part_then_the_rest(cast: Cast, payment: dict[str, Any]) -> None:
    assert refund(cast, payment, amount="1500.00").json()["amount"] == "1500.00"
    assert refund(cast, payment).json()["amount"] == "3500.00"
    refused(refund(cast, payment), 409, "refund_exceeds_payment")


def test_never_more_than_was_paid(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, payment, amount="5000.01"), 409, "refund_exceeds_payment")


def test_a_repeat_has_one_effect(cast: Cast, payment: dict[str, Any]) -> None:
    first, again = (refund(cast, payment, amount="1000.00", key="refund") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert wallet_balance(cast.bola) == "1000.00"


def test_money_that_left_the_estate_cannot_be_returned(cast: Cast, payment: dict[str, Any]) -> None:
    destination = {"bank_code": "058", "account_number": "0123456789", "account_name": "Island Fuels"}
    sent = {"amount": "4000.00", "description": "Diesel", "destination": destination}
    assert cast.client_of(cast.ada).post(OFFICE + "cluster_wallet_transfer/", sent).status_code == 201
    refused(refund(cast, payment), 402, "insufficient_funds")
    assert refund(cast, payment, amount="1000.00").status_code == 200


def test_only_payments_on_bills(cast: Cast, payment: dict[str, Any]) -> None:
    listed = cast.client_of(cast.efe).get(OFFICE + "transactions/", {"type": "deposit"}).json()["results"]
    refused(refund(cast, listed[0]), 409, "not_refundable")


def test_a_refund_is_not_refunded(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, refund(cast, payment).json()), 409, "not_refundable")


def test_nobody_refunds_themselves(cast: Cast, payment: dict[str, Any]) -> None:
    also_staff = NewMember(cast.bola.user_id, Role.STAFF, cast.now, ("TransferFunds",))
    enrol_members(cluster_id=cast.cluster_id, members=[also_staff], now=cast.now)
    refused(refund(cast, payment, cast.bola), 403, "separation_of_duties")


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, payment: dict[str, Any], amount: object) -> None:
    if amount is not None:
        refused(refund(cast, payment, amount=amount), 422, "invalid", "amount")


def test_a_reason_is_given(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, payment, reason=""), 422, "invalid", "reason")


def test_an_unknown_transaction_is_not_found(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, {"id": foreign_id()}), 404, "transaction_not_found")


def test_another_estates_transaction_is_not_found(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, payment, cast.dayo), 404, "transaction_not_found")


def test_it_needs_transfer_funds(cast: Cast, payment: dict[str, Any]) -> None:
    for person in (cast.efe, cast.bola, cast.manager("ManageBill", "ViewPayments", "CreditWallet")):
        refused(refund(cast, payment, person), 403, "permission_missing")


# --- To where it came from -------------------------------------------------------------------------------------------


def test_to_the_source(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "100.00")
    stage.end(checkout)
    stage.confirm(checkout)
    paid = {"id": str(checkout.transaction.id)}
    first, again = (refund(cast, paid, to="source", amount="40.00", key="back") for _ in range(2))
    made = first.json()
    assert (made["type"], made["status"], made["amount"], made["provider"]) == (
        "refund",
        "pending",
        "40.00",
        "paystack",
    )
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert wallet_balance(cast.bola) == "60.00"


def test_to_a_source_there_is_not(cast: Cast, payment: dict[str, Any]) -> None:
    refused(refund(cast, payment, to="source"), 409, "no_source_to_refund")
    refused(refund(cast, payment, to="bank"), 422, "invalid", "to")
