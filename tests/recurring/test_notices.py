"""What members are told of their standing orders and bills: who, on which channels, in which words, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from clustr.bills import commands as bills
from clustr.bills.queries import unread_spans
from clustr.bills.types import BillType
from clustr.clusters.commands import update_settings
from clustr.clusters.queries import settings_of
from clustr.clusters.types import SettingsChanges
from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import make_digests
from clustr.notifications.models import Event
from clustr.notifications.queries import my_notifications
from clustr.recurring import commands
from clustr.recurring.types import Frequency
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.notifications.acts import sent
from tests.recurring.acts import cancel, order_of, pause, process, resume

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early(sweeps=True)]


def told(cast: Cast, person: Person | None = None) -> list[tuple[str, str, str]]:
    """What somebody's list says, the oldest first: event, title, body; without what is told of bills and payments."""
    who = person or cast.bola
    with tenant(who.cluster_id):
        rows = my_notifications(actor=who.actor, limit=100)
    return [
        (row.event.value, row.title, row.body)
        for row in reversed(rows)
        if row.event.value.startswith("recurring") or row.title.startswith(("Reminder", "Overdue"))
    ]


def events(cast: Cast, person: Person | None = None) -> list[str]:
    return [event.removeprefix("recurring_payment_") for event, _, _ in told(cast, person)]


def tell(cast: Cast, **after: Any) -> int:
    return commands.tell_of_runs(cluster_id=cast.cluster_id, now=cast.now + timedelta(**after))


def test_each_act_is_told_to_its_member_alone(cast: Cast) -> None:
    order = order_of(cast, "1000.00")
    pause(cast, order)
    resume(cast, order)
    cancel(cast, order)
    assert events(cast) == ["set_up", "paused", "resumed", "cancelled"]
    _, title, body = told(cast)[0]
    assert title == "Recurring payment set up: Garden"
    assert '₦1,000.00 for "Garden" will be paid monthly from your wallet, the first time on' in body
    assert told(cast, cast.residents[1]) == told(cast, cast.ada) == told(cast, cast.chidi) == []


def test_a_run_is_told_once(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00")
    process(cast)
    assert (tell(cast, hours=2), tell(cast, hours=2)) == (1, 0)
    assert events(cast) == ["set_up", "processed"]
    _, title, body = told(cast)[-1]
    assert title == "Recurring payment made: ₦1,000.00"
    assert "The next one is on" in body


def test_a_contribution_is_a_credit_that_the_office_sees_and_reads_in_its_digest(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    soon = timedelta(minutes=20)  # so that it is noted by an id of the same day, however late the test runs
    start = cast.now + soon / 2
    order_of(cast, "1000.00", start_date=start)
    acknowledge(cast, cast.bola, issue(cast, "5000.00", title="Security", type=BillType.SECURITY))
    order_of(cast, "5000.00", title="Security", bill_type=BillType.SECURITY, start_date=start)
    process(cast, after=soon)
    assert tell(cast, minutes=20) == 2
    with tenant(cast.cluster_id):
        rows = my_notifications(actor=cast.ada.actor, limit=100)
    credited = [f"{row.title}: {row.body}" for row in rows if row.event == "cluster_wallet_credited"]
    assert len(credited) == 2, "one for each, also where a bill was paid"
    (contribution,) = [told for told in credited if "Garden" in told]
    assert "credited with ₦1,000.00 from Bola" in contribution
    sent(cast)
    make_digests(cluster_id=cast.cluster_id, now=cast.now + soon + timedelta(days=1))
    (digest,) = [mail for mail in sent(cast) if "credited" in mail.subject]
    assert (digest.to, "₦6,000.00" in digest.subject) == ([cast.ada.email], True)
    assert "- Garden: ₦1,000.00 (1)" in digest.body


def test_failures_are_told_step_by_step_until_it_pauses(cast: Cast) -> None:
    fund(cast, cast.bola, "400.00")
    order_of(cast, "1000.00")
    for hours in (2, 8, 20):
        process(cast, after=timedelta(hours=hours))
        tell(cast, hours=hours)
    assert events(cast) == ["set_up", "failed", "failed", "paused"]
    first, last = told(cast)[1], told(cast)[-1]
    assert "was not made: your wallet lacks ₦600.00." in first[2]
    assert "It is tried again on" in first[2]
    assert "Add money to your wallet" in first[2]
    assert "is paused: it failed 3 times; your wallet lacks ₦600.00." in last[2]


def test_a_bill_that_was_not_acknowledged_is_asked_about(cast: Cast) -> None:
    bill = issue(cast, "700.00")
    order_of(cast, "1000.00", bill_type=BillType.SERVICE_CHARGE)
    process(cast)
    tell(cast, hours=2)
    assert events(cast) == ["set_up", "reminder"]
    assert "waits for your acknowledgment" in told(cast)[-1][2]

    def waited(at: datetime) -> int:
        with tenant(cast.cluster_id):
            spans = unread_spans(actor=cast.bola.actor, type=BillType.SERVICE_CHARGE, oldest=at, newest=at)
        return len(spans)

    due = cast.now + timedelta(hours=1)
    assert (waited(due), waited(due - timedelta(days=1))) == (1, 0)
    acknowledge(cast, cast.bola, bill)
    assert waited(due) == 0, "it was read before"


def test_nothing_to_pay_is_not_told(cast: Cast) -> None:
    order_of(cast, "1000.00", bill_type=BillType.SERVICE_CHARGE)
    process(cast)
    tell(cast, hours=2)
    assert events(cast) == ["set_up"]


def test_who_has_left_is_told_that_it_ended(cast: Cast) -> None:
    from clustr.clusters import commands as clusters

    order_of(cast)
    clusters.end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=cast.now, now=cast.now)
    process(cast)
    assert events(cast) == ["set_up", "cancelled"]


def remind(cast: Cast, **after: Any) -> None:
    commands.send_recurring_payment_reminders(now=cast.now + timedelta(**after))


def test_a_reminder_comes_before_the_run_once_with_the_shortfall(cast: Cast) -> None:
    fund(cast, cast.bola, "1500.00")
    start = cast.now + timedelta(days=10)
    order_of(cast, "1000.00", start_date=start)
    order_of(cast, "900.00", start_date=start + timedelta(hours=1))
    remind(cast, days=6)
    assert events(cast) == ["set_up", "set_up"]
    remind(cast, days=8)
    remind(cast, days=9)
    assert events(cast) == ["set_up", "set_up", "reminder", "reminder"]
    (_, title, covered), (_, _, short) = told(cast)[2:]
    assert title == "Coming up: ₦1,000.00 for Garden"
    assert "missing" not in covered
    assert "₦400.00 is missing" in short  # the first order's money is spoken for


def test_a_daily_order_is_reminded_of_only_when_it_would_fail(cast: Cast) -> None:
    order_of(cast, "1000.00", frequency=Frequency.DAILY)
    fund(cast, cast.bola, "1000.00")
    remind(cast)
    assert events(cast) == ["set_up"]
    process(cast)
    remind(cast, hours=3)
    assert events(cast)[-1] == "reminder"


def test_the_next_period_is_reminded_of_again(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    order_of(cast, "1000.00", frequency=Frequency.WEEKLY)
    remind(cast)
    process(cast)
    remind(cast, days=6)
    assert events(cast).count("reminder") == 2


def test_an_overdue_bill_is_told_once_to_who_still_owes(cast: Cast) -> None:
    second = cast.residents[1]
    bill = issue(cast, "1000.00", due_date=cast.now + timedelta(days=2))
    fund(cast, second, "1000.00")
    acknowledge(cast, second, bill)
    from tests.bills.acts import pay

    pay(cast, second, bill)
    late = cast.now + timedelta(days=3)
    bills.check_overdue_bills(now=cast.now + timedelta(days=1))
    assert told(cast) == [], "not due yet"
    made = bills.check_overdue_bills(now=late)
    assert made >= 1
    bills.check_overdue_bills(now=late + timedelta(days=1))
    assert [title for _, title, _ in told(cast)] == ["Overdue: Service charge"]
    assert told(cast, second) == told(cast, cast.chidi) == []
    with tenant(cast.cluster_id):
        assert Event.objects.filter(event="bill_overdue", subject_id=bill.id).count() == 1


def test_a_bill_is_reminded_of_on_its_days(cast: Cast) -> None:
    issue(cast, "1000.00", due_date=cast.now + timedelta(days=10))
    for day in range(10):
        bills.send_bill_reminders(now=cast.now + timedelta(days=day, hours=1))
    assert [title for _, title, _ in told(cast)] == ["Reminder: Service charge is due"] * 2


def test_an_estate_chooses_its_days(cast: Cast) -> None:
    """Its own, none, and again those of everybody; the neighbours keep theirs."""
    chosen = SettingsChanges(reminder_days=[3, 5, 3])
    update_settings(actor=cast.ada.actor, changes=chosen, now=cast.now)
    issue(cast, "1000.00", due_date=cast.now + timedelta(days=10))
    told_on = []
    for day in range(10):
        before = len(told(cast))
        bills.send_bill_reminders(now=cast.now + timedelta(days=day, hours=1))
        told_on += [day] * (len(told(cast)) - before)
    assert told_on == [5, 7]
    assert settings_of(actor=cast.dayo.actor, now=cast.now).reminder_days == (7, 1)
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(reminder_days=[]), now=cast.now)
    issue(cast, "1000.00", due_date=cast.now + timedelta(days=10))
    for day in range(10):
        bills.send_bill_reminders(now=cast.now + timedelta(days=day, hours=1))
    assert len(told(cast)) == 2
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(reminder_days=None), now=cast.now)
    assert settings_of(actor=cast.ada.actor, now=cast.now).reminder_days == (7, 1)
    with pytest.raises(InvalidValue):
        update_settings(actor=cast.ada.actor, changes=SettingsChanges(reminder_days=[366]), now=cast.now)


def test_a_bill_issued_late_is_not_reminded_of_at_once(cast: Cast) -> None:
    issue(cast, "1000.00", due_date=cast.now + timedelta(days=3))
    bills.send_bill_reminders(now=cast.now + timedelta(hours=1))
    assert told(cast) == []


def test_ones_own_bill_that_is_paid_is_not_reminded_of(cast: Cast) -> None:
    from tests.bills.acts import pay

    bill = issue(cast, "1000.00", to=cast.bola, due_date=cast.now + timedelta(days=10))
    fund(cast, cast.bola, "1000.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast, cast.bola, bill)
    bills.send_bill_reminders(now=cast.now + timedelta(days=4))
    bills.check_overdue_bills(now=cast.now + timedelta(days=11))
    assert told(cast) == []
