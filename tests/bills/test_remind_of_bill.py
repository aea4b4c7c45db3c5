"""The office reminds by hand: whoever still owes, once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.kit.tenancy import tenant
from clustr.notifications.models import Event
from clustr.notifications.queries import my_notifications
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, issue

pytestmark = pytest.mark.usefixtures("books")


def remind(cast: Cast, bill: Bill, *, by: Person | None = None, at: datetime | None = None) -> None:
    bills.remind_of_bill(actor=(by or cast.ada).actor, bill_id=bill.id, now=at or cast.now)


def reminders(cast: Cast, bill: Bill) -> list[Event]:
    with tenant(cast.cluster_id):
        return list(Event.objects.filter(subject_id=bill.id, key__startswith="by-hand").order_by("at"))


def told(cast: Cast, person: Person, bill: Bill) -> int:
    with tenant(cast.cluster_id):
        shown = my_notifications(actor=person.actor)
        return sum(notice.subject_id == bill.id for notice in shown)


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    second = cast.residents[1]
    acknowledge(cast, second, bill)
    acts.offline(cast, second, bill, "5000.00")
    acts.dispute(cast, cast.residents[2], bill)
    before = [told(cast, resident, bill) for resident in cast.residents]
    remind(cast, bill)
    (made,) = reminders(cast, bill)
    assert (made.event, made.user_id) == ("payment_due", None)
    after = [told(cast, resident, bill) for resident in cast.residents]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 0, 0]


def test_once_a_day(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)
    remind(cast, bill)
    with acts.refused("already_reminded"):
        remind(cast, bill, at=cast.now)
    remind(cast, bill, at=cast.now + timedelta(days=1))
    assert len(reminders(cast, bill)) == 2
    remind(cast, bill, at=bill.due_date + timedelta(days=1))
    assert reminders(cast, bill)[-1].event == "bill_overdue"


def test_nobody_is_reminded_for_nothing(cast: Cast) -> None:
    own, wide, gone = issue(cast, "5.00", to=cast.bola), issue(cast, "5.00"), issue(cast)
    acts.dispute(cast, cast.bola, own)
    acts.cancel(cast, gone)
    for resident in cast.residents:
        acknowledge(cast, resident, wide)
        acts.offline(cast, resident, wide, "5.00")
    for bill, code in ((own, "nobody_owes"), (wide, "nobody_owes"), (gone, "bill_cancelled")):
        with acts.refused(code):
            remind(cast, bill)
        assert reminders(cast, bill) == []


def test_only_with_manage_bill_and_only_here(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("permission_missing"):
        remind(cast, bill, by=cast.efe)
    with acts.refused("bill_not_found"):
        remind(cast, bill, by=cast.dayo)
