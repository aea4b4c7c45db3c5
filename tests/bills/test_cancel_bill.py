"""Cancelling a bill, and returning what was paid on it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import MemberStatus
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance

pytestmark = pytest.mark.usefixtures("books")


def bill_of(cast: Cast) -> Bill:
    """A bill that Bola acknowledged, with money in her wallet."""
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    return bill


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    cancelled = acts.cancel(cast, bill)

    assert (cancelled.cancelled_at, cancelled.cancelled_by) == (cast.now, cast.ada.user_id)
    office = acts.managed(cast, bill)
    assert (office.status, office.cancelled_at, office.cancel_reason) == ("cancelled", cast.now, "issued in error")
    for resident in cast.residents:
        mine = acts.seen(cast, resident, bill)
        assert (mine.status, mine.can_pay, mine.can_acknowledge) == (MemberStatus.CANCELLED, False, False)


def test_every_payment_returns_to_its_payer_in_one_commit(cast: Cast) -> None:
    bill, other = bill_of(cast), issue(cast)
    bola, by_hand, partly = cast.residents[:3]
    acts.pay(cast, bola, bill, "1000.00")
    acts.pay(cast, bola, bill, "1500.00")
    second_half, _ = acts.pay(cast, bola, bill)
    acts.refund(cast, second_half, "700.00")
    acknowledge(cast, by_hand, bill)
    acts.offline(cast, by_hand, bill, "5000.00")
    fund(cast, partly, "300.00")
    acknowledge(cast, partly, bill)
    acts.pay(cast, partly, bill, "300.00")
    acknowledge(cast, partly, other)
    fund(cast, partly, "50.00")
    acts.pay(cast, partly, other, "50.00")

    acts.cancel(cast, bill, refund=True)

    assert wallet_balance(bola) == "9000.00"
    assert wallet_balance(by_hand) == "5000.00"
    assert wallet_balance(partly) == "300.00"
    assert cluster_balance(cast.cluster_id) == "50.00"
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (0, 0)
    assert str(acts.seen(cast, bola, bill).amount_paid) == "0.00"
    assert str(acts.seen(cast, partly, other).amount_paid) == "50.00"
    assert (
        acts.scalar(
            cast.cluster_id,
            "SELECT count(*) FROM payments_transaction t JOIN bills_billpayment p ON p.id = t.id"
            " WHERE p.bill_id = %s AND p.amount_minor > 0 AND t.status <> 'refunded'",
            bill.id,
        )
        == 0
    )


def test_what_was_settled_and_lowered_goes_back_too(cast: Cast) -> None:
    bill = bill_of(cast)
    neighbour = cast.residents[1]
    acts.uphold(cast, acts.dispute(cast, neighbour, bill), "100.00")
    fund(cast, neighbour, "100.00")
    acknowledge(cast, neighbour, bill)
    acts.pay(cast, neighbour, bill)
    acts.pay(cast, cast.bola, bill)
    assert acts.managed(cast, bill).totals.paid_count == 2
    acts.close_fully(bill)

    acts.cancel(cast, bill, refund=True)

    assert wallet_balance(neighbour) == "100.00"
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (0, 0)


def test_with_everything_refunded_already_it_needs_no_word_about_refunds(cast: Cast) -> None:
    bill = bill_of(cast)
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.refund(cast, payment)
    acts.cancel(cast, bill)
    assert wallet_balance(cast.bola) == "9000.00"


def test_with_payments_it_is_refused(cast: Cast) -> None:
    bill = bill_of(cast)
    acts.pay(cast, cast.bola, bill, "0.01")
    with acts.refused("bill_has_payments", unchanged=cast.cluster_id):
        acts.cancel(cast, bill)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PARTIALLY_PAID


def test_money_the_cluster_no_longer_has_is_refused_and_nothing_changes(cast: Cast) -> None:
    bill = bill_of(cast)
    neighbour = cast.residents[1]
    fund(cast, neighbour, "9000.00")
    acknowledge(cast, neighbour, bill)
    acts.pay(cast, cast.bola, bill)
    acts.pay(cast, neighbour, bill)
    acts.empty_cluster_wallet(cast, "5000.00")

    with acts.refused("insufficient_funds", unchanged=cast.cluster_id):
        acts.cancel(cast, bill, refund=True)

    for resident in (cast.bola, neighbour):
        assert wallet_balance(resident) == "4000.00"
        assert acts.status(cast, resident, bill) is MemberStatus.PAID
    assert acts.managed(cast, bill).totals.collected_minor == 1_000_000
    fund(cast, neighbour, "5000.00")
    other = issue(cast)
    acknowledge(cast, neighbour, other)
    acts.pay(cast, neighbour, other)
    acts.cancel(cast, bill, refund=True)
    assert wallet_balance(cast.bola) == "9000.00"


def test_a_former_payer_gets_their_money_back(cast: Cast) -> None:
    bill = bill_of(cast)
    acts.pay(cast, cast.bola, bill)
    acts.leave(cast, cast.bola, cast.now + timedelta(minutes=1))
    acts.cancel(cast, bill, refund=True)
    assert wallet_balance(cast.bola) == "9000.00"


@pytest.mark.parametrize("refund", [False, True])
def test_twice_is_refused(cast: Cast, refund: bool) -> None:
    bill = bill_of(cast)
    acts.pay(cast, cast.bola, bill)
    acts.cancel(cast, bill, refund=True)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        acts.cancel(cast, bill, refund=refund)
    assert wallet_balance(cast.bola) == "9000.00"


def test_a_refund_after_it_is_refused(cast: Cast) -> None:
    bill = bill_of(cast)
    payment, _ = acts.pay(cast, cast.bola, bill)
    acts.cancel(cast, bill, refund=True)
    with acts.refused("refund_exceeds_payment", unchanged=cast.cluster_id):
        acts.refund(cast, payment, "1.00")


def test_any_other_status_is_derived(cast: Cast) -> None:
    bill = issue(cast)
    for status in ("paid", "overdue", "acknowledged", "", "CANCELLED"):
        with acts.refused("status_is_derived", unchanged=cast.cluster_id):
            bills.update_bill_status(
                actor=cast.ada.actor, bill_id=bill.id, status=status, reason="", refund_payers=True, now=cast.now
            )
    bills.update_bill_status(
        actor=cast.ada.actor, bill_id=bill.id, status="cancelled", reason="", refund_payers=False, now=cast.now
    )
    assert acts.managed(cast, bill).status == "cancelled"


def test_another_estates_bill_is_not_found(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.cancel(cast, bill, by=cast.dayo)


def test_it_needs_manage_bill(cast: Cast) -> None:
    bill = issue(cast)
    for person in (cast.efe, cast.bola, cast.manager("TransferFunds")):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            acts.cancel(cast, bill, by=person)
