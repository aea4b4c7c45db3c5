"""Billing one resident."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.types import BillType, MemberStatus, NewBill
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)

    assert not bill.is_cluster_wide()
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PENDING_ACKNOWLEDGMENT
    assert set(acts.reached(cast, bill)) == {cast.bola.user_id}
    assert acts.reached(cast, bill)[cast.bola.user_id].unit == "A1"
    office = acts.managed(cast, bill)
    assert (office.user_id, office.totals.members_billed, office.totals.billed_minor) == (
        cast.bola.user_id,
        1,
        500_000,
    )


def test_nobody_else_sees_it(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)
    for person in (*cast.residents[1:], cast.chidi, cast.ada):
        with acts.refused("bill_not_found"):
            acts.seen(cast, person, bill)


def test_nobody_else_acts_on_it(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)
    neighbour = cast.residents[1]
    for person in (neighbour, cast.chidi):
        fund(cast, person, "9000.00")
        with acts.refused("bill_not_found"):
            acknowledge(cast, person, bill)
        with acts.refused("bill_not_found"):
            acts.dispute(cast, person, bill)
        with acts.refused("dispute_not_found"):
            acts.withdraw(cast, person, bill)
        with acts.refused("bill_not_found"):
            acts.pay(cast, person, bill)


@pytest.mark.parametrize("who", ["stranger", "manager", "former", "not_yet"])
def test_who_does_not_live_here_is_not_billed(cast: Cast, who: str) -> None:
    person: Person = {
        "stranger": lambda: cast.chidi,
        "manager": lambda: cast.efe,
        "former": lambda: cast.bola,
        "not_yet": lambda: cast.add_resident("Later", joined_at=cast.now + timedelta(days=1)),
    }[who]()
    if who == "former":
        acts.leave(cast, cast.bola)
    with acts.refused("member_not_found", unchanged=cast.cluster_id):
        issue(cast, to=person)


def test_it_outlives_the_membership(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)
    acts.leave(cast, cast.bola)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PENDING_ACKNOWLEDGMENT
    assert acts.managed(cast, bill).totals.members_billed == 1


def test_it_needs_manage_bill(cast: Cast) -> None:
    new = NewBill(
        title="Fine",
        amount=naira("10.00"),
        type=BillType.OTHER,
        due_date=cast.now + timedelta(days=1),
        user_id=cast.bola.user_id,
    )
    for person in (cast.efe, cast.bola):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            bills.create_user_specific_bill(actor=person.actor, new=new, now=cast.now)
