"""Paying a bill from the wallet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import BillType, MemberStatus, NewBill
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger.types import AccountKind
from clustr.payments.models import Transaction
from clustr.wallets import commands as wallets
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def bill(cast: Cast) -> Bill:
    """A bill of 5,000.00 that Bola acknowledged, and 8,000.00 in her wallet."""
    bill = issue(cast, "5000.00")
    fund(cast, cast.bola, "8000.00")
    acknowledge(cast, cast.bola, bill)
    return bill


def test_it_works(cast: Cast, bill: Bill) -> None:
    transaction, paid = acts.pay(cast, cast.bola, bill, "2000.00")

    assert str(transaction.amount) == "2000.00"
    assert paid.status is MemberStatus.PARTIALLY_PAID
    _, paid = acts.pay(cast, cast.bola, bill)
    assert paid.status is MemberStatus.PAID
    assert str(paid.amount_remaining) == "0.00"
    assert wallet_balance(cast.bola) == "3000.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (500_000, 1)


def test_the_answer_is_what_was_stored(cast: Cast, bill: Bill) -> None:
    at = cast.now + timedelta(minutes=3)
    transaction, paid = acts.pay(cast, cast.bola, bill, at=at)
    assert paid == acts.seen(cast, cast.bola, bill, at=at)
    with tenant(cast.cluster_id):
        stored = Transaction.objects.get(id=transaction.id)
    for field in Transaction._meta.concrete_fields:
        assert getattr(stored, field.attname) == getattr(transaction, field.attname), field.attname


def test_paying_writes_a_fixed_number_of_rows(cast: Cast, bill: Bill) -> None:
    before = acts.rows_of(cast.cluster_id)
    acts.pay(cast, cast.bola, bill)
    after = acts.rows_of(cast.cluster_id)
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "bills_memberbill": 1,
        "bills_billpayment": 1,
        "payments_transaction": 1,
        "ledger_transfer": 1,
        "audit_event": 1,
    }


def test_in_parts_down_to_the_last_kobo(cast: Cast, bill: Bill) -> None:
    for amount, remaining in (("1666.67", "3333.33"), ("3333.32", "0.01"), ("0.01", "0.00")):
        assert str(acts.pay(cast, cast.bola, bill, amount)[1].amount_remaining) == remaining
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PAID


def test_it_is_paid_from_ones_own_wallet(cast: Cast, bill: Bill) -> None:
    other = cast.residents[1]
    fund(cast, other, "6000.00")
    acknowledge(cast, other, bill)
    acts.pay(cast, other, bill)
    assert (wallet_balance(cast.bola), wallet_balance(other)) == ("8000.00", "1000.00")
    acts.pay(cast, cast.bola, bill)
    assert (wallet_balance(cast.bola), wallet_balance(other)) == ("3000.00", "1000.00")


def test_a_user_specific_bill(cast: Cast) -> None:
    own = issue(cast, "100.00", to=cast.bola)
    fund(cast, cast.bola, "100.00")
    acknowledge(cast, cast.bola, own)
    assert acts.pay(cast, cast.bola, own)[1].status is MemberStatus.PAID
    assert acts.managed(cast, own).status == "paid"


def test_the_first_payment_ever_opens_the_clusters_wallet(cast: Cast, bill: Bill) -> None:
    assert acts.balance_of(cast.cluster_id, AccountKind.CLUSTER_WALLET) == 0
    acts.pay(cast, cast.bola, bill)
    assert acts.balance_of(cast.cluster_id, AccountKind.CLUSTER_WALLET) == 500_000


def test_more_than_what_remains_is_refused(cast: Cast, bill: Bill) -> None:
    with acts.refused("amount_exceeds_remaining", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill, "5000.01")
    acts.pay(cast, cast.bola, bill, "4999.00")
    with acts.refused("amount_exceeds_remaining", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill, "1.01")
    assert wallet_balance(cast.bola) == "3001.00"


def test_before_acknowledging_it_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    with acts.refused("bill_not_acknowledged", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)


def test_a_paid_bill_is_refused(cast: Cast, bill: Bill) -> None:
    acts.pay(cast, cast.bola, bill)
    for amount in (None, "0.01"):
        with acts.refused("bill_already_paid", unchanged=cast.cluster_id):
            acts.pay(cast, cast.bola, bill, amount)


def test_a_cancelled_bill_is_refused(cast: Cast, bill: Bill) -> None:
    acts.cancel(cast, bill)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)


def test_a_disputed_bill_is_refused(cast: Cast, bill: Bill) -> None:
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("bill_disputed", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)


def test_terms_that_changed_are_refused(cast: Cast, bill: Bill) -> None:
    acts.edit(cast, bill, amount=naira("1.00"))
    with acts.refused("bill_not_acknowledged", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)


def test_the_due_date_is_the_last_instant(cast: Cast, bill: Bill) -> None:
    acts.pay(cast, cast.bola, bill, "1.00", at=bill.due_date)
    with acts.refused("bill_past_due", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill, at=bill.due_date + timedelta(microseconds=1))
    assert acts.status(cast, cast.bola, bill, at=bill.due_date) is MemberStatus.PARTIALLY_PAID
    assert acts.status(cast, cast.bola, bill, at=bill.due_date + timedelta(microseconds=1)) is MemberStatus.OVERDUE


def test_after_the_due_date_where_that_is_allowed(cast: Cast) -> None:
    bill = issue(cast, allow_payment_after_due=True)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    _, paid = acts.pay(cast, cast.bola, bill, "1.00", at=acts.after_due(cast))
    assert paid.status is MemberStatus.OVERDUE
    assert acts.pay(cast, cast.bola, bill, at=acts.after_due(cast))[1].status is MemberStatus.PAID


def test_not_enough_money_is_refused(cast: Cast, bill: Bill) -> None:
    other = issue(cast, "8000.01")
    acknowledge(cast, cast.bola, other)
    with acts.refused("insufficient_funds", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, other)
    acts.pay(cast, cast.bola, other, "8000.00")
    assert wallet_balance(cast.bola) == "0.00"


def test_without_a_wallet_it_is_refused_for_the_first_reason(cast: Cast) -> None:
    bill = issue(cast)
    poor = cast.residents[1]
    with acts.refused("bill_not_acknowledged", unchanged=cast.cluster_id):
        acts.pay(cast, poor, bill)
    acknowledge(cast, poor, bill)
    with acts.refused("amount_exceeds_remaining", unchanged=cast.cluster_id):
        acts.pay(cast, poor, bill, "5000.01")
    with acts.refused("insufficient_funds", unchanged=cast.cluster_id):
        acts.pay(cast, poor, bill)
    acts.offline(cast, poor, bill, "3000.00")
    with acts.refused("amount_exceeds_remaining", unchanged=cast.cluster_id):
        acts.pay(cast, poor, bill, "2000.01")
    with acts.refused("insufficient_funds", unchanged=cast.cluster_id):
        acts.pay(cast, poor, bill, "2000.00")
    others = issue(cast, to=cast.bola)
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.pay(cast, poor, others)


def test_a_frozen_wallet_is_refused(cast: Cast, bill: Bill) -> None:
    wallets.freeze_wallet(actor=cast.bola.actor, now=cast.now)
    with acts.refused("account_frozen", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)
    wallets.unfreeze_wallet(actor=cast.bola.actor, authorization=None, now=cast.now)
    acts.pay(cast, cast.bola, bill)


def test_a_pin_that_was_set_meanwhile_is_asked_for(cast: Cast, bill: Bill) -> None:
    without = no_pin(cast.bola)
    wallets.set_pin(actor=cast.bola.actor, pin="483920", old_pin=None, now=cast.now)
    with acts.refused("pin_required", unchanged=cast.cluster_id):
        bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=without, now=cast.now)
    checked = wallets.authorize_spend(actor=cast.bola.actor, pin="483920", now=cast.now)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=checked, now=cast.now)


def test_anothers_authorization_is_a_bug(cast: Cast, bill: Bill) -> None:
    for person in (cast.residents[1], cast.chidi):
        with pytest.raises(AssertionError):
            bills.pay_bill(
                actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(person), now=cast.now
            )


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (Money(0, "NGN"), "amount_must_be_positive"),
        (Money(-100, "NGN"), "amount_must_be_positive"),
        (Money(100, "USD"), "currency_mismatch"),
    ],
)
def test_a_wrong_amount_is_refused(cast: Cast, bill: Bill, amount: Money, code: str) -> None:
    with acts.refused(code, unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill, amount)


def test_a_stranger_is_refused(cast: Cast, bill: Bill) -> None:
    fund(cast, cast.chidi, "9000.00")
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.pay(cast, cast.chidi, bill)
    assert wallet_balance(cast.chidi) == "9000.00"


def test_a_former_member_pays_what_applied_to_them(cast: Cast, bill: Bill) -> None:
    acts.leave(cast, cast.bola, cast.now + timedelta(hours=1))
    after = cast.now + timedelta(days=2)
    former = replace(cast.bola, actor=replace(cast.bola.actor, role="former"))
    assert acts.pay(cast, former, bill, at=after)[1].status is MemberStatus.PAID
    later = bills.create_cluster_wide_bill(
        actor=cast.ada.actor,
        new=NewBill(title="Later", amount=naira("1.00"), type=BillType.OTHER, due_date=after + timedelta(days=1)),
        now=after,
    )
    with acts.refused("bill_not_found"):
        acts.pay(cast, former, later, at=after)


def test_refusals_come_in_the_documented_order(cast: Cast) -> None:
    """A bill with every reason to refuse; taking one reason away uncovers the next."""
    later = acts.after_due(cast)
    bill = issue(cast, to=cast.bola)
    wallets.set_pin(actor=cast.bola.actor, pin="483920", old_pin=None, now=cast.now)
    dispute = acts.dispute(cast, cast.bola, bill)
    checked = replace(no_pin(cast.bola), pin_checked=True)

    def refused_with(code: str, *, pin: bool = True, at: datetime = later) -> None:
        with acts.refused(code, unchanged=cast.cluster_id):
            bills.pay_bill(
                actor=cast.bola.actor,
                bill_id=bill.id,
                amount=naira("9000.00"),
                authorization=checked if pin else no_pin(cast.bola),
                now=at,
            )

    refused_with("pin_required", pin=False)
    refused_with("bill_disputed")
    acts.withdraw(cast, cast.bola, bill)
    refused_with("bill_not_acknowledged")
    acknowledge(cast, cast.bola, bill)
    refused_with("bill_past_due")
    acts.edit(cast, bill, allow_payment_after_due=True)
    refused_with("amount_exceeds_remaining")
    acts.edit(cast, bill, amount=naira("20000.00"), due_date=later + timedelta(days=1))
    acknowledge(cast, cast.bola, bill)
    refused_with("insufficient_funds")
    wallets.freeze_wallet(actor=cast.bola.actor, now=cast.now)
    refused_with("account_frozen")
    dispute = acts.dispute(cast, cast.bola, bill)
    refused_with("bill_disputed")
    acts.uphold(cast, dispute, "0.00")
    refused_with("bill_already_paid")
    acts.cancel(cast, bill)
    refused_with("bill_cancelled")
