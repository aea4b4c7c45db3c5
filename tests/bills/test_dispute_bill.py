"""Objecting to a bill, and taking the objection back."""

from __future__ import annotations

import pytest

from clustr.bills import dispute_queries
from clustr.bills.types import DisputeState, MemberStatus
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, fund, issue

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill)

    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, mine.can_pay, mine.can_acknowledge) == (MemberStatus.DISPUTED, False, False)
    assert acts.status(cast, cast.residents[1], bill) is MemberStatus.PENDING_ACKNOWLEDGMENT
    assert acts.managed(cast, bill).totals.disputed_count == 1
    with tenant(cast.cluster_id):
        (listed,) = dispute_queries.disputes_of_cluster(actor=cast.efe.actor, state=DisputeState.OPEN, now=cast.now)
    assert (listed.bill_id, listed.user_id, listed.reason, listed.name) == (
        bill.id,
        cast.bola.user_id,
        "not mine",
        "Bola",
    )


def test_it_stands_in_the_way_of_payment_by_anybody(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("bill_disputed", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)
    with acts.refused("bill_disputed", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "10.00")


def test_an_earlier_acknowledgment_survives_withdrawal(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.dispute(cast, cast.bola, bill)
    assert acts.withdraw(cast, cast.bola, bill).status is MemberStatus.ACKNOWLEDGED
    assert acts.pay(cast, cast.bola, bill)[1].status is MemberStatus.PAID


def test_an_earlier_acknowledgment_survives_rejection(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.reject(cast, acts.dispute(cast, cast.bola, bill))
    assert acts.status(cast, cast.bola, bill) is MemberStatus.ACKNOWLEDGED


def test_what_is_partly_paid_can_be_disputed(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill, "100.00")
    acts.dispute(cast, cast.bola, bill)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.DISPUTED
    assert acts.withdraw(cast, cast.bola, bill).status is MemberStatus.PARTIALLY_PAID


def test_overdue_and_disputed_is_disputed(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill, at=acts.after_due(cast))
    assert acts.status(cast, cast.bola, bill, at=acts.after_due(cast)) is MemberStatus.DISPUTED


def test_twice_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("already_disputed", unchanged=cast.cluster_id):
        acts.dispute(cast, cast.bola, bill)


def test_again_after_withdrawal_is_a_new_dispute(cast: Cast) -> None:
    bill = issue(cast)
    first = acts.dispute(cast, cast.bola, bill)
    acts.withdraw(cast, cast.bola, bill)
    assert acts.dispute(cast, cast.bola, bill) != first


def test_a_paid_bill_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill)
    with acts.refused("bill_already_paid", unchanged=cast.cluster_id):
        acts.dispute(cast, cast.bola, bill)


def test_a_cancelled_bill_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.cancel(cast, bill)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        acts.dispute(cast, cast.bola, bill)


def test_a_stranger_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    for person in (cast.chidi, cast.ada):
        with acts.refused("bill_not_found", unchanged=cast.cluster_id):
            acts.dispute(cast, person, bill)


def test_withdrawing_what_is_not_open_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("dispute_not_found", unchanged=cast.cluster_id):
        acts.withdraw(cast, cast.bola, bill)
    acts.reject(cast, acts.dispute(cast, cast.bola, bill))
    with acts.refused("dispute_not_found", unchanged=cast.cluster_id):
        acts.withdraw(cast, cast.bola, bill)


def test_withdrawing_for_a_neighbour_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("dispute_not_found", unchanged=cast.cluster_id):
        acts.withdraw(cast, cast.residents[1], bill)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.DISPUTED


def test_another_bill_is_neither_disputed_nor_acknowledged_by_it(cast: Cast) -> None:
    bill, other = issue(cast), issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.dispute(cast, cast.bola, bill)
    assert acts.status(cast, cast.bola, other) is MemberStatus.PENDING_ACKNOWLEDGMENT
    assert acts.managed(cast, other).totals.disputed_count == 0
