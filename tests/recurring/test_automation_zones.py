"""An estate that moves to another time zone: an automation buys once for each of its calendar days, whatever the clocks say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError

from clustr.kit.tenancy import tenant
from clustr.recurring.automation_models import AutomationRun
from clustr.recurring.automation_types import ScheduleKind, ScheduleTerms
from tests.cast import Cast, Person
from tests.money import fund
from tests.recurring.automating import Automations, automations
from tests.recurring.test_zones import move_to

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")
K = ScheduleKind
LAGOS, NAIROBI, EASTMOST, WESTMOST = "Africa/Lagos", "Africa/Nairobi", "Pacific/Kiritimati", "Pacific/Pago_Pago"


def living_in(person: Person, timezone: str) -> Person:
    """The same person, in an estate that has moved."""
    return replace(person, actor=replace(person.actor, timezone=timezone))


def moved(automations: Automations, timezone: str) -> None:
    """The estate moves, and whoever asks from now on lives there."""
    cast = automations.cast
    move_to(cast, timezone)
    cast.palm_grove.people["Bola"] = living_in(cast.bola, timezone)


def due_at(automations: Automations, id: object) -> datetime:
    due = automations.view(id).next_run_at  # type: ignore[arg-type]
    assert due is not None
    return due


def go_to(automations: Automations, at: datetime) -> None:
    automations.counter.clock.move(by=at - automations.counter.now)


def days_of(automations: Automations, id: object) -> list[object]:
    with tenant(automations.cast.cluster_id):
        runs = AutomationRun.objects.filter(cluster_id=automations.cast.cluster_id, automation_id=id)
        return list(runs.order_by("period").values_list("due_on", flat=True))


@pytest.mark.parametrize("schedule", [(K.DAY_OF_MONTH, 3), (K.WEEKDAY, 0), (K.EVERY_DAYS, 7)], ids=lambda one: one[0])
def test_a_period_that_was_bought_is_not_bought_again_further_west(
    automations: Automations, cast: Cast, schedule: tuple[ScheduleKind, int]
) -> None:
    """Eight o'clock in Nairobi (UTC+3) comes again in Lagos (UTC+1), two hours later."""
    fund(cast, cast.bola, "50000.00")
    moved(automations, NAIROBI)
    kind, every = schedule
    tomorrow = automations.counter.now + timedelta(days=1)
    id = automations.set_up(schedule=ScheduleTerms(kind, every or tomorrow.isoweekday(), time(8)))
    first = due_at(automations, id)
    moved(automations, LAGOS)
    go_to(automations, first)
    assert automations.run().bought == 1
    for _ in range(4):
        automations.counter.wait(hours=1)
        assert automations.run().bought == 0, "it is eight o'clock again"
    following = due_at(automations, id).astimezone(ZoneInfo(LAGOS))
    assert following.hour == 8
    assert (following.date() - first.date()).days >= 7


@pytest.mark.parametrize("timezone", [EASTMOST, WESTMOST])
def test_each_day_is_bought_once_and_none_is_passed_over(automations: Automations, cast: Cast, timezone: str) -> None:
    fund(cast, cast.bola, "90000.00")
    id = automations.set_up()
    for number in range(12):
        automations.counter.wait(hours=7)
        moved(automations, timezone if number % 4 == 2 else LAGOS)
        automations.run()
    days = days_of(automations, id)
    assert [day - days[0] for day in days] == [timedelta(days=n) for n in range(len(days))]  # type: ignore[operator]
    assert 2 <= len(days) <= 5


def test_switched_on_again_it_keeps_its_day(automations: Automations, cast: Cast) -> None:
    """What is on already keeps the day that comes next, at the hour of where the estate is now: earlier in the east, where
    it may have come already, later in the west."""
    fund(cast, cast.bola, "50000.00")
    id = automations.set_up(schedule=ScheduleTerms(K.DAY_OF_MONTH, 4, time(8)))
    day = due_at(automations, id).astimezone(ZoneInfo(LAGOS)).date()
    go_to(automations, due_at(automations, id) - timedelta(hours=2))
    for timezone, hours in ((EASTMOST, -13), (WESTMOST, 12), (LAGOS, 0)):
        moved(automations, timezone)
        automations.edit(id, enable=True)
        assert due_at(automations, id) - automations.counter.now == timedelta(hours=2 + hours)
    moved(automations, EASTMOST)
    automations.edit(id, enable=True)
    assert automations.run().bought == 1
    for timezone in (WESTMOST, LAGOS):
        moved(automations, timezone)
        automations.edit(id, enable=True)
        automations.edit(id, enable=False)
        automations.edit(id, enable=True)
        automations.counter.wait(hours=20)
        assert automations.run().bought == 0
    assert days_of(automations, id) == [day]
    assert due_at(automations, id).astimezone(ZoneInfo(LAGOS)).date().day == 4


def test_another_hour_of_a_day_that_was_bought_counts_from_the_next(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "50000.00")
    id = automations.set_up()
    assert automations.next_day().bought == 1
    (day,) = days_of(automations, id)
    automations.edit(id, schedule=ScheduleTerms(K.EVERY_DAYS, 1, time(20)))
    assert due_at(automations, id).date() == day + timedelta(days=1)  # type: ignore[operator]
    automations.counter.wait(hours=12)
    assert automations.run().bought == 0


def test_the_database_refuses_a_day_that_was_bought(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "50000.00")
    id = automations.set_up()
    automations.next_day()
    with tenant(cast.cluster_id):
        run = AutomationRun.objects.get(cluster_id=cast.cluster_id, automation_id=id)
    again = {"id": cast.cluster_id, "period": run.period + 1, "due_at": run.due_at + timedelta(hours=2)}
    with pytest.raises(IntegrityError, match="once_a_day"), tenant(cast.cluster_id):
        for name, value in again.items():
            setattr(run, name, value)
        run.save(force_insert=True)
