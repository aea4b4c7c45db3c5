"""The worker's part: what is due is asked for, run by jobs that may run twice, and told by another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from clustr.clusters.types import Role
from clustr.kit import clock
from clustr.kit.tenancy import tenant
from clustr.recurring import commands, tasks
from clustr.recurring.commands import running, scheduled
from tests.cast import Cast, Part
from tests.kit.test_jobs import work
from tests.money import fund, wallet_balance
from tests.recurring.acts import order_of, runs

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    def clear() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")

    clear()
    yield
    clear()


def waiting() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT queue_name, task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        return [tuple(row) for row in cursor.fetchall()]


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order = order_of(cast, "1000.00", start_date=cast.now)
    tasks.process_recurring_payments(0)
    assert ("money", "recurring.process_cluster") in waiting()
    work()
    assert wallet_balance(cast.bola) == "4000.00"
    tasks.tell_of_runs(0)
    with tenant(cast.cluster_id):
        assert [run.told_attempts for run in runs(cast, order)] == [1]


def test_a_job_that_runs_twice_pays_once(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, "1000.00", start_date=cast.now)
    for _ in range(2):
        tasks.process_cluster(str(cast.cluster_id))
    work()
    assert wallet_balance(cast.bola) == "4000.00"


def test_of_one_cluster_one_job_waits(cast: Cast) -> None:
    order_of(cast, start_date=cast.now)
    for _ in range(3):
        commands.ask_to_process_recurring_payments(now=clock.now())
    mine = [task for queue, task in waiting() if task == "recurring.process_cluster"]
    assert len(mine) == len(commands.due_clusters(now=clock.now()))


def test_many_orders_are_shared_by_two_lanes_in_small_batches(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers alone are made small: the same code in batches of three, twenty jobs' worth of them."""
    for module in (running, scheduled):
        monkeypatch.setattr(module, "BATCH", 3)
    monkeypatch.setattr(tasks, "BATCHES_A_JOB", 2)
    people = cast.add(cast.palm_grove, *(Part(f"P{number}", Role.RESIDENT) for number in range(20)))
    for person in people:
        fund(cast, person, "100.00")
        order_of(cast, "7.00", person=person, start_date=cast.now)
    commands.ask_to_process_recurring_payments(now=clock.now())
    assert sum(task == "recurring.process_cluster" for _, task in waiting()) >= 2
    work()
    assert {wallet_balance(person) for person in people} == {"93.00"}
