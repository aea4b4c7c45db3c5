"""Ending a dispute: it stands, or the member owes less."""

from __future__ import annotations

from uuid import uuid4

import pytest

from clustr.bills import commands as bills
from clustr.bills.types import MemberStatus, Resolution
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.money import Money
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, fund, issue

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    dispute = acts.dispute(cast, cast.bola, bill)

    resolved = acts.uphold(cast, dispute, "3000.00")

    assert (resolved.state, resolved.closed_by, resolved.note) == ("upheld", cast.ada.user_id, "agreed")
    mine = acts.seen(cast, cast.bola, bill)
    assert (str(mine.amount), str(mine.amount_due), str(mine.amount_remaining)) == ("5000.00", "3000.00", "3000.00")
    assert mine.status is MemberStatus.ACKNOWLEDGED
    assert str(acts.seen(cast, cast.residents[1], bill).amount_due) == "5000.00"
    totals = acts.managed(cast, bill).totals
    assert (totals.disputed_count, totals.billed_minor) == (0, 500_000 * len(cast.residents) - 200_000)
    with acts.refused("amount_exceeds_remaining"):
        acts.pay(cast, cast.bola, bill, "3000.01")
    assert acts.pay(cast, cast.bola, bill)[1].status is MemberStatus.PAID
    assert acts.managed(cast, bill).totals.paid_count == 1


def test_upheld_owes_nothing_unless_said_otherwise(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill))
    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, str(mine.amount_due), mine.can_pay) == (MemberStatus.PAID, "0.00", False)
    totals = acts.managed(cast, bill).totals
    assert (totals.paid_count, totals.billed_minor) == (1, 500_000 * (len(cast.residents) - 1))


def test_upheld_to_what_was_paid_is_paid(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill, "1200.00")
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "1200.00")
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    assert acts.managed(cast, bill).totals.paid_count == 1


def test_upheld_as_it_was_lowers_nothing(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "5000.00")
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PENDING_ACKNOWLEDGMENT
    assert acts.rows_of(cast.cluster_id)["bills_adjustment"] == 0


def test_lowered_twice(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "4000.00")
    again = acts.dispute(cast, cast.bola, bill)
    with acts.refused("amount_not_lower", unchanged=cast.cluster_id):
        acts.uphold(cast, again, "4000.01")
    acts.uphold(cast, again, "1000.00")
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "1000.00"


def test_rejected_leaves_what_is_owed(cast: Cast) -> None:
    bill = issue(cast)
    assert acts.reject(cast, acts.dispute(cast, cast.bola, bill)).state == "rejected"
    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, str(mine.amount_due)) == (MemberStatus.PENDING_ACKNOWLEDGMENT, "5000.00")


def test_below_what_was_paid_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill, "1200.00")
    dispute = acts.dispute(cast, cast.bola, bill)
    for amount in ("1199.99", "0.00", None):
        with acts.refused("amount_below_paid", unchanged=cast.cluster_id):
            acts.uphold(cast, dispute, amount)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.DISPUTED


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (Money(500_001, "NGN"), "amount_not_lower"),
        (Money(-1, "NGN"), "amount_below_paid"),
        (Money(100, "USD"), "currency_mismatch"),
    ],
)
def test_a_wrong_amount_is_refused(cast: Cast, amount: Money, code: str) -> None:
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    with acts.refused(code, unchanged=cast.cluster_id):
        acts.uphold(cast, dispute, amount)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.DISPUTED


def test_an_amount_for_a_rejected_dispute_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    with acts.refused("not_for_rejected", unchanged=cast.cluster_id):
        bills.resolve_dispute(
            actor=cast.ada.actor,
            dispute_id=dispute,
            resolution=Resolution.REJECTED,
            amount_due=Money(1, "NGN"),
            note="no",
            now=cast.now,
        )


def test_a_closed_dispute_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    upheld = acts.dispute(cast, cast.bola, bill)
    acts.uphold(cast, upheld, "4000.00")
    withdrawn = acts.dispute(cast, cast.bola, bill)
    acts.withdraw(cast, cast.bola, bill)
    for dispute in (upheld, withdrawn):
        with acts.refused("dispute_closed", unchanged=cast.cluster_id):
            acts.uphold(cast, dispute)
        with acts.refused("dispute_closed", unchanged=cast.cluster_id):
            acts.reject(cast, dispute)


def test_one_that_is_not_there_or_elsewhere_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    with acts.refused("dispute_not_found"):
        acts.reject(cast, uuid4())
    with acts.refused("dispute_not_found"):
        acts.reject(cast, dispute, by=cast.dayo)


def test_nobody_resolves_their_own(cast: Cast) -> None:
    clerk = cast.manager("ManageBill", name="Clerk")
    enrol_members(cluster_id=cast.cluster_id, members=[NewMember(clerk.user_id, Role.RESIDENT, cast.now)], now=cast.now)
    bill = issue(cast)
    dispute = acts.dispute(cast, clerk, bill)
    for act in (acts.uphold, acts.reject):
        with acts.refused("separation_of_duties", unchanged=cast.cluster_id):
            act(cast, dispute, by=clerk)
    acts.uphold(cast, dispute, by=cast.ada)


def test_it_needs_manage_bill(cast: Cast) -> None:
    dispute = acts.dispute(cast, cast.bola, issue(cast))
    for person in (cast.efe, cast.bola):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            acts.uphold(cast, dispute, by=person)
