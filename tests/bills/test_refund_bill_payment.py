"""Returning one payment, whole or in part, to its payer's wallet."""

from __future__ import annotations

from uuid import uuid4

import pytest

from clustr.bills.models import Bill
from clustr.bills.types import MemberStatus
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger.types import AccountKind
from clustr.payments.models import Transaction
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, wallet_balance
from tests.wallets.acts import erase, owner_not_found

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def bill(cast: Cast) -> Bill:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    return bill


def stored(cast: Cast, transaction: Transaction) -> Transaction:
    with tenant(cast.cluster_id):
        return Transaction.objects.get(id=transaction.id)


def test_it_works(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)

    back = acts.refund(cast, payment)

    assert (str(back.amount), back.type, back.subject_id) == ("5000.00", "refund", payment.id)
    assert (back.provider, back.purpose) == ("wallet", "refund")
    assert wallet_balance(cast.bola) == "9000.00"
    assert cluster_balance(cast.cluster_id) == "0.00"
    assert acts.status(cast, cast.bola, bill) is MemberStatus.ACKNOWLEDGED
    original = stored(cast, payment)
    assert (original.status, original.refunded_minor) == ("refunded", 500_000)
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (0, 0)
    assert acts.pay(cast, cast.bola, bill)[1].status is MemberStatus.PAID
    assert acts.managed(cast, bill).totals.paid_count == 1


def test_in_parts(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.refund(cast, payment, "1000.00")
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PARTIALLY_PAID
    assert (stored(cast, payment).status, stored(cast, payment).refunded_minor) == ("completed", 100_000)
    assert acts.managed(cast, bill).totals.paid_count == 0
    with acts.refused("refund_exceeds_payment", unchanged=cast.cluster_id):
        acts.refund(cast, payment, "4000.01")
    assert str(acts.refund(cast, payment).amount) == "4000.00"
    assert stored(cast, payment).status == "refunded"
    assert wallet_balance(cast.bola) == "9000.00"


def test_one_of_several_payments(cast: Cast, bill: Bill) -> None:
    first, _ = acts.pay(cast, cast.bola, bill, "2000.00")
    acts.pay(cast, cast.bola, bill)
    assert acts.managed(cast, bill).totals.paid_count == 1
    acts.refund(cast, first, "500.00")
    acts.refund(cast, first)
    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, str(mine.amount_remaining)) == (MemberStatus.PARTIALLY_PAID, "2000.00")
    assert acts.managed(cast, bill).totals.paid_count == 0
    acts.pay(cast, cast.bola, bill)
    assert acts.managed(cast, bill).totals.paid_count == 1


def test_nobody_elses_part_and_no_other_bill_is_touched(cast: Cast, bill: Bill) -> None:
    other, elsewhere = cast.residents[1], issue(cast, "100.00")
    fund(cast, other, "5000.00")
    acknowledge(cast, other, bill)
    acts.pay(cast, other, bill)
    acknowledge(cast, cast.bola, elsewhere)
    acts.pay(cast, cast.bola, elsewhere)
    payment, _ = acts.pay(cast, cast.bola, bill, "2000.00")
    acts.refund(cast, payment, "1500.00")
    assert str(acts.seen(cast, cast.bola, bill).amount_remaining) == "4500.00"
    assert acts.status(cast, other, bill) is acts.status(cast, cast.bola, elsewhere) is MemberStatus.PAID
    assert (wallet_balance(cast.bola), wallet_balance(other)) == ("8400.00", "0.00")


def test_a_payment_received_by_hand_goes_to_the_wallet(cast: Cast) -> None:
    bill = issue(cast)
    neighbour = cast.residents[1]
    acknowledge(cast, neighbour, bill)
    payment = acts.offline(cast, neighbour, bill, "5000.00")
    acts.refund(cast, payment, "5000.00")
    assert wallet_balance(neighbour) == "5000.00"


def test_a_frozen_wallet_receives(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    wallets.freeze_wallet(actor=cast.bola.actor, now=cast.now)
    acts.refund(cast, payment)
    assert wallet_balance(cast.bola) == "9000.00"


def test_after_a_lowered_amount_was_paid(cast: Cast, bill: Bill) -> None:
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "3000.00")
    payment, _ = acts.pay(cast, cast.bola, bill)
    assert acts.managed(cast, bill).totals.paid_count == 1
    acts.refund(cast, payment, "0.01")
    assert acts.managed(cast, bill).totals.paid_count == 0
    assert str(acts.seen(cast, cast.bola, bill).amount_remaining) == "0.01"


def test_overdue_again(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.refund(cast, payment)
    assert acts.status(cast, cast.bola, bill, at=acts.after_due(cast)) is MemberStatus.OVERDUE


def test_twice_is_refused(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.refund(cast, payment)
    for amount in (None, "0.01", "5000.00"):
        with acts.refused("refund_exceeds_payment", unchanged=cast.cluster_id):
            acts.refund(cast, payment, amount)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (Money(500_001, "NGN"), "refund_exceeds_payment"),
        (Money(0, "NGN"), "amount_must_be_positive"),
        (Money(-1, "NGN"), "amount_must_be_positive"),
        (Money(1, "USD"), "currency_mismatch"),
    ],
)
def test_a_wrong_amount_is_refused(cast: Cast, bill: Bill, amount: Money, code: str) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    with acts.refused(code, unchanged=cast.cluster_id):
        acts.refund(cast, payment, amount)


def test_money_the_cluster_no_longer_has_is_refused(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.empty_cluster_wallet(cast, "0.01")
    with acts.refused("insufficient_funds", unchanged=cast.cluster_id):
        acts.refund(cast, payment)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    acts.refund(cast, payment, "4999.99")


def test_what_is_not_a_bill_payment_is_refused(cast: Cast, bill: Bill) -> None:
    deposit = wallets.receive_offline(
        actor=cast.ada.actor,
        user_id=cast.bola.user_id,
        amount=naira("5.00"),
        method=OfflineMethod.CASH,
        reference=str(uuid4()),
        now=cast.now,
    )
    payment, _ = acts.pay(cast, cast.bola, bill)
    back = acts.refund(cast, payment)
    for transaction in (deposit, back):
        with acts.refused("not_refundable", unchanged=cast.cluster_id):
            acts.refund(cast, transaction)


def test_one_that_is_not_there_or_elsewhere_is_refused(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    with acts.refused("transaction_not_found", unchanged=cast.cluster_id):
        acts.refund(cast, uuid4())
    with acts.refused("transaction_not_found", unchanged=cast.cluster_id):
        acts.refund(cast, payment, by=cast.dayo)


def test_nobody_refunds_themselves(cast: Cast) -> None:
    clerk = cast.manager("TransferFunds", name="Clerk")
    enrol_members(cluster_id=cast.cluster_id, members=[NewMember(clerk.user_id, Role.RESIDENT, cast.now)], now=cast.now)
    bill = issue(cast)
    fund(cast, clerk, "9000.00")
    acknowledge(cast, clerk, bill)
    payment, _ = acts.pay(cast, clerk, bill)
    with acts.refused("separation_of_duties", unchanged=cast.cluster_id):
        acts.refund(cast, payment, by=clerk)
    acts.refund(cast, payment, by=cast.ada)


def test_it_needs_transfer_funds(cast: Cast, bill: Bill) -> None:
    payment, _ = acts.pay(cast, cast.bola, bill)
    for person in (cast.efe, cast.bola, cast.manager("ManageBill")):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            acts.refund(cast, payment, by=person)


@pytest.mark.parametrize("how", ["refunded", "cancelled"])
def test_what_goes_back_to_who_is_no_longer_there_waits_in_suspense(cast: Cast, how: str) -> None:
    """An erased person's wallet can be opened by nobody; a person says whose it is."""
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    payment, _ = acts.pay(cast, cast.bola, bill)
    erase(cast)
    if how == "refunded":
        acts.refund(cast, payment)
    else:
        acts.cancel(cast, bill, refund=True)
    assert (wallet_balance(cast.bola), acts.balance_of(cast.cluster_id, AccountKind.SUSPENSE)) == ("0.00", 500_000)
    (waiting,) = wallets.waiting_in_suspense(cluster_id=cast.cluster_id)
    assert (waiting.subject_id, waiting.amount_minor) == (payment.id, 500_000)
    assert owner_not_found(cast) == [waiting.id]
    wallets.place_suspense(
        cluster_id=cast.cluster_id,
        transaction_id=waiting.id,
        user_id=cast.efe.user_id,
        amount=None,
        reason="Their heir",
        placed_by=cast.ada.user_id,
        now=cast.now,
    )
    assert (wallet_balance(cast.efe), owner_not_found(cast)) == ("5000.00", [])
