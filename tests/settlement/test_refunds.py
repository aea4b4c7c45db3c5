"""Money back to the card or account it came from: once, never more than was paid, and nothing lost on the way."""

from __future__ import annotations

from uuid import UUID

import pytest

from clustr.bills import commands as bills
from clustr.bills.queries import bill_visible_to
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.notifications.types import NotificationEvents
from clustr.payments.refusals import (
    NoSourceToRefund,
    NotRefundable,
    RefundExceedsPayment,
    RefundUnderWay,
    TransactionNotFound,
)
from clustr.settlement import commands
from clustr.wallets import commands as wallets
from clustr.wallets import queries as wallet_queries
from clustr.wallets.refusals import SeparationOfDuties
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.notifications.acts import told as notices_of
from tests.races import race
from tests.settlement.stage import PROVIDERS, Stage

pytestmark = pytest.mark.usefixtures("books")


def paid_bill(stage: Stage, amount: str = "5000.00", provider: str = "paystack") -> tuple[UUID, UUID]:
    """A bill that was paid through a provider: its id, and the payment's."""
    bill = issue(stage.cast, amount)
    acknowledge(stage.cast, stage.cast.bola, bill)
    checkout = stage.pay_bill(stage.cast.bola, bill.id, provider=provider)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    return bill.id, checkout.transaction.id


def paid_deposit(stage: Stage, amount: str = "1000.00", provider: str = "paystack") -> UUID:
    checkout = stage.deposit(stage.cast.bola, amount, provider)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    return checkout.transaction.id


def refund(stage: Stage, payment: UUID, amount: str | None = None, by: Person | None = None) -> UUID:
    made = commands.refund_to_source(
        actor=(by or stage.cast.ada).actor,
        transaction_id=payment,
        amount=naira(amount) if amount else None,
        reason="Paid twice",
        now=stage.now,
    )
    assert made.status == "pending"
    return made.id


def send(stage: Stage, refund_id: UUID) -> str:
    commands.send_refund(cluster_id=stage.cast.cluster_id, transaction_id=refund_id, now=stage.now)
    return stage.transaction(refund_id).status


def told(stage: Stage) -> list[dict[str, object]]:
    """The refunds as the providers have them."""
    found: list[dict[str, object]] = stage._control("GET", "/state")["refund"]
    return found


def status_of(stage: Stage, bill_id: UUID) -> str:
    with tenant(stage.cast.cluster_id):
        return bill_visible_to(actor=stage.cast.bola.actor, bill_id=bill_id, now=stage.now).status


def let_it_end(stage: Stage) -> None:
    for _ in range(4):
        stage.wait(minutes=10)
        stage.sweep()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    bill, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment, "2000.00")
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("3000.00", "paid")
    send(stage, made)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert status_of(stage, bill) == "partially_paid"
    assert stage.transaction(payment).refunded_minor == 200_000
    assert (cluster_balance(cast.cluster_id), wallet_balance(cast.bola)) == ("3000.00", "0.00")
    assert [row["amount"] for row in told(stage)] == [200_000]
    assert stage.cases() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_whole_payment_and_the_bill_is_open_again(stage: Stage, cast: Cast, provider: str) -> None:
    bill, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment)
    send(stage, made)
    let_it_end(stage)
    assert (stage.transaction(made).status, stage.transaction(payment).status) == ("completed", "refunded")
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id)) == ("acknowledged", "0.00")
    (heard,) = notices_of(cast.bola, NotificationEvents.PAYMENT_REFUNDED)
    assert "to the card or account you paid with" in heard.body
    assert "You owe as much on the bill again." in heard.body
    commands.verify_payment(actor=cast.bola.actor, reference=stage.transaction(payment).reference, now=stage.now)
    assert stage.cases() == [], "the provider calls the charge reversed now: it is our own refund"


def test_a_deposit_goes_back_from_the_wallet(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    made = refund(stage, deposit, "400.00")
    assert wallet_balance(cast.bola) == "600.00"
    send(stage, made)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert wallet_balance(cast.bola) == "600.00"


def test_a_deposit_that_was_spent_stays(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    bill = issue(cast, "800.00")
    acknowledge(cast, cast.bola, bill)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now)
    with pytest.raises(InsufficientFunds):
        refund(stage, deposit)
    assert told(stage) == []


def test_what_the_provider_refuses_returns_and_the_office_is_told(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    made = refund(stage, payment)
    assert send(stage, made) == "failed"
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("5000.00", "paid")
    assert [case.kind for case in stage.cases()] == ["refund_failed"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_fails_days_later_returns_once(stage: Stage, cast: Cast, provider: str) -> None:
    stage.dial(refund__failed=1.0, webhook__flutterwave_refunds=1.0)
    bill, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment)
    send(stage, made)
    for _ in range(4):
        stage.wait(minutes=10)
        stage.hooks()
        stage.sweep()
    assert stage.transaction(made).status == "failed"
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("5000.00", "paid")
    assert [case.kind for case in stage.cases()] == ["refund_failed"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_webhook_ends_it(stage: Stage, provider: str) -> None:
    stage.dial(webhook__flutterwave_refunds=1.0)
    _, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment)
    send(stage, made)
    for _ in range(3):
        stage.wait(seconds=10)
        stage.hooks()
    assert stage.transaction(made).status == "completed"


def test_what_needs_a_person_at_the_provider_is_a_case(stage: Stage) -> None:
    stage.dial(refund__needs_attention=1.0)
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    send(stage, made)
    let_it_end(stage)
    assert stage.transaction(made).status == "processing"
    assert [case.kind for case in stage.cases()] == ["refund_failed"]


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "error_after", "html_after", "slow_503_after"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_asked_and_not_heard_goes_once(stage: Stage, cast: Cast, provider: str, fault: str) -> None:
    bill, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment, "2000.00")
    stage.dial(**{f"refund__{fault}": 1.0})
    assert send(stage, made) == "unknown"
    stage.heal()
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert len(told(stage)) == 1
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("3000.00", "partially_paid")


@pytest.mark.parametrize("fault", ["timeout_before", "reset_before", "error_before"])
def test_what_never_got_there_is_asked_again(stage: Stage, fault: str) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")
    stage.dial(**{f"refund__{fault}": 1.0})
    send(stage, made)
    stage.heal()
    for _ in range(4):
        let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert len(told(stage)) == 1


def test_what_no_job_sent_is_sent_by_the_sweep(stage: Stage) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"


def test_two_of_the_same_amount_are_told_apart(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage, provider="flutterwave")
    both = [refund(stage, payment, "1000.00") for _ in range(2)]
    stage.dial(refund__timeout_after=1.0)
    for made in both:
        send(stage, made)
    stage.heal()
    let_it_end(stage)
    assert [stage.transaction(made).status for made in both] == ["completed", "completed"]
    assert len(told(stage)) == 2
    assert cluster_balance(cast.cluster_id) == "3000.00"


def test_never_more_than_was_paid_to_wherever(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    bills.refund_bill_payment(
        actor=cast.ada.actor, transaction_id=payment, amount=naira("1000.00"), reason="Half", now=stage.now
    )
    refund(stage, payment, "3000.00")
    for amount in ("1000.01", "5000.00"):
        with pytest.raises(RefundExceedsPayment):
            refund(stage, payment, amount)
        with pytest.raises(RefundExceedsPayment):
            bills.refund_bill_payment(
                actor=cast.ada.actor, transaction_id=payment, amount=naira(amount), reason="More", now=stage.now
            )
    refund(stage, payment)
    let_it_end(stage)
    assert stage.transaction(payment).status == "refunded"
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id)) == ("acknowledged", "0.00")


def test_of_twenty_at_once_as_many_as_were_paid(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)

    def to_wallet() -> None:
        bills.refund_bill_payment(
            actor=cast.ada.actor, transaction_id=payment, amount=naira("1000.00"), reason="Half", now=stage.now
        )

    ended = race([lambda: refund(stage, payment, "1000.00"), to_wallet] * 10).only(RefundExceedsPayment)
    assert len(ended.results) == 5
    let_it_end(stage)
    assert stage.transaction(payment).status == "refunded"
    back = sum(int(str(row["amount"])) for row in told(stage))
    assert naira(wallet_balance(cast.bola)) + Money(back, "NGN") == naira("5000.00")


def test_of_twenty_who_send_or_hear_one_does(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    race(lambda: send(stage, made)).only()
    assert len(told(stage)) == 1
    stage.wait(minutes=1)
    race(lambda: stage.confirm(made)).only()
    assert stage.transaction(made).status == "completed"
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_bill_is_not_cancelled_while_its_payment_is_on_its_way_back(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")

    def cancel() -> None:
        bills.cancel_bill(actor=cast.ada.actor, bill_id=bill, reason="Wrong", refund_payers=True, now=stage.now)

    with pytest.raises(RefundUnderWay):
        cancel()
    send(stage, made)
    let_it_end(stage)
    cancel()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("3000.00", "0.00")


def test_revenue_is_what_stayed(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    refund(stage, payment, "2000.00")
    let_it_end(stage)
    with tenant(cast.cluster_id):
        revenue = wallet_queries.cluster_wallet_revenue(actor=cast.ada.actor, now=stage.now)
        lines = wallet_queries.cluster_wallet_operations(actor=cast.ada.actor)
    assert sum(month.minor for month in revenue.by_month.values()) == 300_000
    assert ("refund", False, "2000.00") in [(line.kind, line.incoming, str(line.amount)) for line in lines]


def test_only_what_a_provider_took(stage: Stage, cast: Cast) -> None:
    fund(cast, cast.bola, "900.00")
    bill = issue(cast, "800.00")
    acknowledge(cast, cast.bola, bill)
    paid, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now
    )
    with pytest.raises(NoSourceToRefund):
        refund(stage, paid.id)
    with pytest.raises(NotRefundable):
        refund(stage, stage.deposit(cast.bola).transaction.id)


def test_not_a_strangers_nor_ones_own(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    with pytest.raises(TransactionNotFound):
        refund(stage, deposit, by=cast.lekki["Dayo"])
    checkout = stage.deposit(cast.ada)
    stage.end(checkout)
    stage.confirm(checkout)
    with pytest.raises(SeparationOfDuties):
        refund(stage, checkout.transaction.id)


def test_more_than_was_asked_goes_back_too(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout, "too_much")
    stage.confirm(checkout)
    (settled,) = stage.settlements()
    assert settled.surplus_id is not None
    made = refund(stage, settled.surplus_id)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert wallet_balance(cast.bola) == "1000.00"


def test_nothing_leaves_a_frozen_wallet(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    wallets.freeze_wallet(actor=cast.bola.actor, now=stage.now)
    with pytest.raises(Exception, match="frozen"):
        refund(stage, deposit)
