"""A resident who has paid on a bill cannot be made never to have been reached by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Thread

import pytest
from django.db import connections

from clustr.bills import commands as bills
from clustr.bills.locks import lock_part
from clustr.bills.models import Bill
from clustr.bills.refusals import MemberHasPayments
from clustr.clusters.commands import invite_member, update_member
from clustr.clusters.types import MemberChanges, Role
from clustr.kit.tenancy import tenant
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, no_pin

pytestmark = pytest.mark.usefixtures("books")


def leave(cast: Cast, left_at: datetime | None, now: datetime | None = None) -> None:
    update_member(
        actor=cast.ada.actor,
        membership_id=cast.bola.membership_id,
        changes=MemberChanges(left_at=left_at),
        now=now or cast.now,
    )


def pay(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now)


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    pay(cast, bill)
    with pytest.raises(MemberHasPayments):
        leave(cast, cast.now - timedelta(days=1))
    leave(cast, bill.issued_at + timedelta(microseconds=1), cast.now + timedelta(days=1))
    with pytest.raises(MemberHasPayments):
        leave(cast, bill.issued_at)


def test_who_paid_nothing_leaves_as_the_office_says(cast: Cast) -> None:
    acknowledge(cast, cast.bola, issue(cast))
    pay(cast, issue(cast, to=cast.bola))
    leave(cast, cast.now - timedelta(days=1))


def test_another_period_that_the_bill_reaches_is_enough(cast: Cast) -> None:
    leave(cast, cast.now - timedelta(days=20))
    invite_member(
        actor=cast.ada.actor,
        email=cast.bola.email,
        name="",
        role=Role.RESIDENT,
        joined_at=cast.now - timedelta(days=10),
        now=cast.now,
    )
    pay(cast, issue(cast))
    leave(cast, cast.now - timedelta(days=30))


def test_a_payment_under_way_is_waited_for(cast: Cast) -> None:
    bill, outcomes = issue(cast), []
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")

    def depart() -> None:
        try:
            leave(cast, cast.now - timedelta(days=1))
        except MemberHasPayments as refusal:
            outcomes.append(refusal)
        finally:
            connections.close_all()

    with tenant(cast.cluster_id):
        lock_part(bill.id, cast.bola.user_id)
        thread = Thread(target=depart)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        authorization = no_pin(cast.bola)
        bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=authorization, now=cast.now)
    thread.join()
    assert len(outcomes) == 1
