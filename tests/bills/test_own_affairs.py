"""What nobody does about a bill of their own, what who has left no longer does, and consent that comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.models import Bill, BillPayment, Dispute
from clustr.clusters.policies import permissions_of
from clustr.clusters.types import Role
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def landlord(cast: Cast) -> Person:
    """A resident who also administers the estate."""
    resident = cast.residents[1]
    rights = permissions_of(Role.ADMIN, ())
    return replace(resident, actor=replace(resident.actor, role=Role.ADMIN.value, permissions=rights))


def test_nobody_edits_a_bill_of_their_own(cast: Cast, landlord: Person) -> None:
    bill = issue(cast, to=landlord)
    with acts.refused("separation_of_duties", unchanged=cast.cluster_id):
        bills.edit_bill(actor=landlord.actor, bill_id=bill.id, changes=BillChanges(amount=naira("1.00")), now=cast.now)


def test_nobody_cancels_a_bill_of_their_own(cast: Cast, landlord: Person) -> None:
    bill = issue(cast, to=landlord)
    with acts.refused("separation_of_duties", unchanged=cast.cluster_id):
        bills.cancel_bill(actor=landlord.actor, bill_id=bill.id, reason="", refund_payers=True, now=cast.now)


def test_who_has_left_disputes_nothing(cast: Cast) -> None:
    bill = issue(cast)
    left = replace(cast.bola.actor, role="former")
    with acts.refused("former_member", unchanged=cast.cluster_id):
        bills.dispute_bill(actor=left, bill_id=bill.id, reason="No.", now=cast.now)


def test_cancelling_ends_the_disputes(cast: Cast) -> None:
    bill = issue(cast)
    bills.dispute_bill(actor=cast.bola.actor, bill_id=bill.id, reason="Why?", now=cast.now)

    bills.cancel_bill(actor=cast.ada.actor, bill_id=bill.id, reason="A mistake", refund_payers=False, now=cast.now)

    with tenant(cast.cluster_id):
        dispute = Dispute.objects.get(bill_id=bill.id)
    assert (dispute.state, dispute.closed_by, dispute.note) == ("upheld", cast.ada.user_id, "The bill was cancelled.")


def test_a_payment_that_waited_for_its_consent_is_written_after_it(cast: Cast) -> None:
    bill: Bill = issue(cast, "100.00")
    fund(cast, cast.bola, "100.00")
    acknowledge(cast, cast.bola, bill)
    asked_before = cast.now - timedelta(minutes=1)

    transaction, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=None, now=asked_before
    )

    with tenant(cast.cluster_id):
        assert BillPayment.objects.get(id=transaction.id).at == cast.now
        assert Transaction.objects.get(id=transaction.id).created_at == transaction.created_at == cast.now
