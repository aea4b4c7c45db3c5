"""Reminders of automations: once for each period, a job for each estate, and an error at one member leaves the others alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.kit import clock
from clustr.kit.crashpoints import Crash, watching
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.recurring import commands, tasks
from clustr.recurring.automation_models import UtilityAutomation
from clustr.recurring.automation_types import ScheduleKind, ScheduleTerms
from tests.cast import Cast, Person
from tests.kit.test_jobs import work
from tests.money import fund
from tests.notifications.acts import told
from tests.recurring.automating import Automations, automations

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")
WEEKLY = ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8))
OTHER = "04587654321"


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    def clear() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")

    clear()
    yield
    clear()


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")


def reminders(person: Person) -> int:
    return len(told(person, NotificationEvents.UTILITY_AUTOMATION_REMINDER))


def remind(automations: Automations) -> int:
    """A morning's reminders of the cast's estate."""
    return commands.send_automation_reminders_of(cluster_id=automations.cast.cluster_id, now=automations.counter.now)


def statements(automations: Automations) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert remind(automations) == 0
    return len(asked)


def marked(automations: Automations, id: UUID) -> tuple[int | None, int]:
    with tenant(automations.cast.cluster_id):
        row = UtilityAutomation.objects.get(cluster_id=automations.cast.cluster_id, id=id)
        return row.reminded_period, row.next_period


def test_it_works(automations: Automations, cast: Cast) -> None:
    id = automations.set_up(schedule=WEEKLY)
    nobody_soon = statements(automations)
    automations.counter.wait(days=5)
    assert remind(automations) == 1
    assert marked(automations, id) == (0, 0)
    for _ in range(2):
        assert statements(automations) == nobody_soon, "of who was reminded nothing is read again"
    assert reminders(cast.bola) == 1
    automations.next_day(days=2)
    automations.counter.wait(days=5)
    assert (remind(automations), marked(automations, id)) == (1, (1, 1))
    assert reminders(cast.bola) == 2, "the next period is reminded of again"


def test_what_was_passed_over_is_looked_at_again(automations: Automations, cast: Cast) -> None:
    """Bought every third day, and covered at first."""
    id = automations.set_up(schedule=ScheduleTerms(ScheduleKind.EVERY_DAYS, 3, time(8)))
    assert remind(automations) == 0
    assert marked(automations, id) == (None, 0)
    automations.counter.wait(hours=24)
    automations.edit(id, minimum_balance="9000.00")
    assert remind(automations) == 1
    assert (remind(automations), reminders(cast.bola)) == (0, 1)


def test_another_of_the_same_member_is_reminded_of_later(automations: Automations, cast: Cast) -> None:
    automations.set_up(schedule=WEEKLY)
    automations.counter.wait(days=5)
    assert remind(automations) == 1
    automations.set_up(automations.number(OTHER), schedule=ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8)))
    automations.counter.wait(days=1)
    assert remind(automations) == 0, "the one was, the other's time has not come"
    automations.counter.wait(days=4)
    assert remind(automations) == 1
    assert reminders(cast.bola) == 2


def test_each_estate_has_a_job_of_its_own(automations: Automations, cast: Cast) -> None:
    automations.set_up(schedule=WEEKLY)
    commands.ask_to_send_automation_reminders(now=automations.counter.now)
    assert jobs(cast) == []
    automations.counter.wait(days=5)
    for _ in range(2):
        assert commands.ask_to_send_automation_reminders(now=automations.counter.now) >= 1
    assert jobs(cast) == ["messages"]
    waiting = commands.count_automation_reminders(now=automations.counter.now)
    assert remind(automations) == 1
    assert commands.count_automation_reminders(now=automations.counter.now) == waiting - 1


def jobs(cast: Cast) -> list[str]:
    """The queues of the jobs that wait for this estate."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT queue_name FROM procrastinate_jobs WHERE task_name = %s AND args->>'cluster_id' = %s",
            ["recurring.remind_of_automations", str(cast.cluster_id)],
        )
        return [row[0] for row in cursor.fetchall()]


def test_the_job_reminds(automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    automations.set_up(schedule=WEEKLY)
    automations.counter.wait(days=5)
    monkeypatch.setattr(clock, "now", lambda: automations.counter.now)
    tasks.send_automation_reminders(0)
    work()
    assert reminders(cast.bola) == 1


def test_an_error_at_one_member_leaves_the_others_alone(automations: Automations, cast: Cast) -> None:
    neighbour = cast.palm_grove["Resident 2"]
    fund(cast, neighbour, "10000.00")
    automations.set_up(schedule=WEEKLY)
    automations.set_up(schedule=WEEKLY, person=neighbour)
    automations.counter.wait(days=5)
    tries = []

    def fail_the_first(place: str) -> None:
        if place == "recurring.remind_of_automations.before_commit":
            tries.append(place)
            if len(tries) == 1:
                raise Crash(place)

    with watching(fail_the_first), pytest.raises(Crash):
        remind(automations)
    assert sorted(map(reminders, (cast.bola, neighbour))) == [0, 1]
    assert remind(automations) == 1
    assert (reminders(cast.bola), reminders(neighbour)) == (1, 1)
