"""The questions a Bill answers about itself and about a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills.models import Bill
from clustr.bills.types import BillType
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people.models import User
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue

pytestmark = pytest.mark.usefixtures("books")


def user(person: Person) -> User:
    return User.objects.get(id=person.user_id)


def may(bill: Bill, person: Person, cast: Cast, *, late: bool = False) -> tuple[bool, bool]:
    """Whether this person could acknowledge, and could pay."""
    now = acts.after_due(cast) if late else cast.now
    with tenant(bill.cluster_id):
        fresh = Bill.objects.get(id=bill.id)
        return fresh.can_be_acknowledged_by(user(person)), fresh.can_be_paid_by(user(person), now=now)


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    assert may(bill, cast.bola, cast) == (True, False)
    acknowledge(cast, cast.bola, bill)
    assert may(bill, cast.bola, cast) == (False, True)
    acts.pay(cast, cast.bola, bill)
    assert may(bill, cast.bola, cast) == (False, False)


def test_disputed(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.dispute(cast, cast.bola, bill)
    assert may(bill, cast.bola, cast) == (False, False)
    acts.withdraw(cast, cast.bola, bill)
    assert may(bill, cast.bola, cast) == (False, True)


def test_changed(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.edit(cast, bill, title="Other")
    assert may(bill, cast.bola, cast) == (True, False)


def test_past_due(cast: Cast) -> None:
    bill, open_end = issue(cast), issue(cast, allow_payment_after_due=True)
    assert may(bill, cast.bola, cast, late=True) == (True, False)
    for each in (bill, open_end):
        acknowledge(cast, cast.bola, each)
    assert may(bill, cast.bola, cast, late=True) == (False, False)
    assert may(open_end, cast.bola, cast, late=True) == (False, True)


def test_cancelled(cast: Cast) -> None:
    bill = issue(cast)
    acts.cancel(cast, bill)
    assert may(bill, cast.bola, cast) == (False, False)


def test_people_it_does_not_apply_to(cast: Cast) -> None:
    everybodys, own = issue(cast), issue(cast, to=cast.bola)
    for person in (cast.ada, cast.chidi):
        assert may(everybodys, person, cast) == (False, False)
    assert may(own, cast.residents[1], cast) == (False, False)


def test_a_former_member(cast: Cast) -> None:
    bill = issue(cast)
    acts.leave(cast, cast.bola, cast.now + timedelta(seconds=1))
    assert may(bill, cast.bola, cast) == (True, False)


def test_scope(cast: Cast) -> None:
    assert issue(cast).is_cluster_wide()
    assert not issue(cast, to=cast.bola).is_cluster_wide()


@pytest.mark.parametrize("type_", list(BillType))
def test_utility_bills(type_: BillType) -> None:
    bill = Bill(type=type_.value)
    assert bill.is_utility_bill() is type_.value.endswith("_utility")
    assert not bill.can_automate_payment()
    bill.utility_provider_id = new_id()
    assert bill.can_automate_payment() is bill.is_utility_bill()


def test_acknowledged_by_is_a_many_to_many(cast: Cast) -> None:
    bill = issue(cast)
    for resident in cast.residents:
        acknowledge(cast, resident, bill)
    with tenant(cast.cluster_id):
        found = Bill.objects.get(id=bill.id).acknowledged_by.values_list("id", flat=True)
        assert set(found) == {resident.user_id for resident in cast.residents}
        assert list(Bill.objects.filter(acknowledged_by=user(cast.bola))) == [bill]
    assert str(bill) == f"{bill.bill_number} Service charge"
