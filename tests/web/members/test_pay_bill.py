"""`POST /members/bills/pay_bill/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Bill
from tests.cast import Cast, anonymous
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance
from tests.web.asking import (
    MY_BILLS,
    MY_WALLET,
    PIN,
    bad_amounts,
    cancel,
    dispute,
    edit,
    foreign_id,
    overdue,
    pay,
    refused,
    with_pin,
)

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_BILLS + "pay_bill/"


@pytest.fixture
def bill(cast: Cast) -> Bill:
    """NGN 5,000 that Bola acknowledged, and NGN 8,000 to pay it with."""
    bill = issue(cast)
    fund(cast, cast.bola, "8000.00")
    acknowledge(cast, cast.bola, bill)
    return bill


@pytest.fixture
def bola(cast: Cast) -> Any:
    return cast.client_of(cast.bola)


def unpaid(cast: Cast) -> None:
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("8000.00", "0.00")


def test_it_works(cast: Cast, bola: Any, bill: Bill) -> None:
    part = pay(bola, bill, "2000.00")
    assert part.status_code == 201
    assert part.json()["bill"]["status"] == "partially_paid"
    assert part.json()["bill"]["amount_remaining"] == "3000.00"
    transaction = part.json()["transaction"]
    assert (transaction["type"], transaction["status"], transaction["amount"]) == (
        "bill_payment",
        "completed",
        "2000.00",
    )
    assert (transaction["bill_id"], transaction["user_id"]) == (str(bill.id), str(cast.bola.user_id))
    rest = pay(bola, bill)
    assert (rest.json()["transaction"]["amount"], rest.json()["bill"]["status"]) == ("3000.00", "paid")
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("3000.00", "5000.00")


def test_the_answer_is_what_was_kept(cast: Cast, bola: Any, bill: Bill) -> None:
    answered = pay(bola, bill, "2000.00").json()
    assert bola.get(MY_WALLET + "transactions/", {"type": "bill_payment"}).json()["results"] == [
        answered["transaction"]
    ]
    assert bola.get(f"{MY_BILLS}{bill.id}/").json() == answered["bill"]


def test_a_repeat_has_one_effect(cast: Cast, bola: Any, bill: Bill) -> None:
    first, again = (pay(bola, bill, "2000.00", key="pay-1") for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert wallet_balance(cast.bola) == "6000.00"
    refused(pay(bola, bill, "2000.01", key="pay-1"), 422, "idempotency_key_reused")


def test_a_repeat_tells_nothing_of_the_pin(cast: Cast, bill: Bill) -> None:
    bola = with_pin(cast, cast.bola)
    first = pay(bola, bill, "2000.00", body={"pin": PIN}, key="pay-1")
    for pin in ("111111", PIN):
        again = pay(bola, bill, "2000.00", body={"pin": pin}, key="pay-1")
        assert (again.status_code, again.content) == (201, first.content)
    refused(pay(bola, bill, "1.00", body={"pin": "111111"}, key="pay-1"), 422, "idempotency_key_reused")
    refused(pay(bola, bill, "1.00", body={"pin": PIN}, key="pay-1"), 422, "idempotency_key_reused")
    assert wallet_balance(cast.bola) == "6000.00"


def test_a_key_belongs_to_its_user(cast: Cast, bola: Any, bill: Bill) -> None:
    second = cast.residents[1]
    fund(cast, second, "5000.00")
    acknowledge(cast, second, bill)
    assert pay(bola, bill, "1.00", key="same").status_code == 201
    other = pay(cast.client_of(second), bill, "2.00", key="same")
    assert (other.status_code, other.json()["transaction"]["amount"]) == (201, "2.00")


def test_a_refusal_leaves_no_key(cast: Cast, bola: Any) -> None:
    bill = issue(cast, "100.00")
    fund(cast, cast.bola, "100.00")
    refused(pay(bola, bill, key="pay-2"), 409, "bill_not_acknowledged")
    acknowledge(cast, cast.bola, bill)
    assert pay(bola, bill, key="pay-2").status_code == 201


def test_not_before_acknowledgment(cast: Cast, bola: Any) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "8000.00")
    refused(pay(bola, bill), 409, "bill_not_acknowledged")
    unpaid(cast)


def test_not_on_an_acknowledgment_of_older_terms(cast: Cast, bola: Any, bill: Bill) -> None:
    edit(cast, bill, title="Other terms")
    refused(pay(bola, bill), 409, "bill_not_acknowledged")
    unpaid(cast)


def test_not_while_disputed(cast: Cast, bola: Any, bill: Bill) -> None:
    dispute(cast, cast.bola, bill)
    refused(pay(bola, bill), 409, "bill_disputed")
    unpaid(cast)


def test_not_when_cancelled(cast: Cast, bola: Any, bill: Bill) -> None:
    cancel(cast, bill)
    refused(pay(bola, bill), 409, "bill_cancelled")
    unpaid(cast)


def test_not_twice(cast: Cast, bola: Any, bill: Bill) -> None:
    pay(bola, bill)
    refused(pay(bola, bill), 409, "bill_already_paid")
    assert wallet_balance(cast.bola) == "3000.00"


def test_not_after_the_due_date_where_forbidden(cast: Cast, bola: Any, bill: Bill) -> None:
    overdue(cast, bill)
    refused(pay(bola, bill), 409, "bill_past_due")
    unpaid(cast)


def test_after_the_due_date_where_allowed(cast: Cast, bola: Any, bill: Bill) -> None:
    edit(cast, bill, allow_payment_after_due=True)
    overdue(cast, bill)
    assert pay(bola, bill).json()["bill"]["status"] == "paid"


def test_not_more_than_remains(cast: Cast, bola: Any, bill: Bill) -> None:
    refused(pay(bola, bill, "5000.01"), 409, "amount_exceeds_remaining")
    unpaid(cast)


def test_not_more_than_there_is(cast: Cast, bola: Any) -> None:
    bill = issue(cast, "8000.01")
    fund(cast, cast.bola, "8000.00")
    acknowledge(cast, cast.bola, bill)
    refused(pay(bola, bill), 402, "insufficient_funds")
    unpaid(cast)


def test_without_a_wallet_there_is_nothing(cast: Cast, bola: Any) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    refused(pay(bola, bill), 402, "insufficient_funds")


def test_not_from_a_frozen_wallet(cast: Cast, bola: Any, bill: Bill) -> None:
    bola.post(MY_WALLET + "freeze/")
    refused(pay(bola, bill), 423, "account_frozen")
    bola.post(MY_WALLET + "unfreeze/")
    assert pay(bola, bill).status_code == 201


def test_a_set_pin_is_needed(cast: Cast, bill: Bill) -> None:
    bola = with_pin(cast, cast.bola)
    refused(pay(bola, bill), 422, "pin_required")
    refused(pay(bola, bill, body={"pin": "111111"}), 403, "pin_incorrect")
    unpaid(cast)
    assert pay(bola, bill, body={"pin": PIN}).status_code == 201


def test_wrong_pins_lock_spending_even_when_repeated_by_key(cast: Cast, bill: Bill) -> None:
    bola = with_pin(cast, cast.bola)
    for _ in range(5):
        refused(pay(bola, bill, body={"pin": "111111"}, key="guess"), 403, "pin_incorrect")
    locked = pay(bola, bill, body={"pin": PIN})
    refused(locked, 423, "pin_locked")
    assert int(locked["Retry-After"]) > 60
    unpaid(cast)


def test_a_pin_that_was_right_is_not_asked_again_of_a_repeat(cast: Cast, bill: Bill) -> None:
    bola = with_pin(cast, cast.bola)
    first = pay(bola, bill, "1.00", body={"pin": PIN}, key="once")
    for _ in range(5):
        pay(bola, bill, "2.00", body={"pin": "111111"})
    again = pay(bola, bill, "1.00", body={"pin": PIN}, key="once")
    assert (again.status_code, again.content) == (201, first.content)


def test_payments_are_counted(cast: Cast, bola: Any, bill: Bill, settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"THROTTLE_MONEY_PER_MINUTE": 1, "THROTTLE_MONEY_BURST": 2})
    assert [pay(bola, bill, "1.00").status_code for _ in range(2)] == [201, 201]
    refused(pay(bola, bill, "1.00"), 429, "too_many_requests")
    refused(bola.post(MY_BILLS + "acknowledge_bill/", {"bill_id": str(bill.id)}), 429, "too_many_requests")
    assert wallet_balance(cast.bola) == "7998.00"


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", 123456, "", "１２３４５６"])
def test_a_pin_has_six_digits(cast: Cast, bola: Any, bill: Bill, pin: object) -> None:
    answer = pay(bola, bill, body={"pin": pin})
    refused(answer, 422, "invalid", "pin")
    assert not pin or str(pin) not in answer.content.decode()


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, bola: Any, bill: Bill, amount: object) -> None:
    if amount is not None:
        refused(pay(bola, bill, body={"amount": amount}), 422, "invalid", "amount")
        unpaid(cast)


def test_foreign_bills_are_not_found(cast: Cast, bola: Any, bill: Bill) -> None:
    refused(pay(bola, issue(cast, to=cast.residents[1])), 404, "bill_not_found")
    refused(bola.post(ADDRESS, {"bill_id": foreign_id()}), 404, "bill_not_found")
    fund(cast, cast.chidi, "5000.00")
    for stranger in (cast.chidi, cast.dayo, cast.ada):
        refused(pay(cast.client_of(stranger), bill), 404, "bill_not_found")


def test_strangers_sign_in_first(cast: Cast, bill: Bill) -> None:
    refused(pay(anonymous(), bill), 401, "not_signed_in")
