"""Jobs are deferred in the transaction of what asks for them, also from inside another job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from procrastinate.contrib.django import app

from clustr.kit import clock, tasks
from clustr.kit.jobs import MONEY, UPKEEP, enqueue, task
from tests import worker

ran: list[str] = []


class Undo(Exception):
    """Rolls a block back."""


@task(name="tests.note", queue=MONEY)
def note(mark: str) -> None:
    ran.append(mark)


@task(name="tests.note_and_undo", queue=UPKEEP)
def note_and_undo(mark: str) -> None:
    """Defers one job in a transaction that is rolled back, another in one that is kept."""
    try:
        with transaction.atomic():
            enqueue("tests.note", mark=f"{mark}-undone")
            raise Undo
    except Undo:
        pass
    with transaction.atomic():
        enqueue("tests.note", mark=f"{mark}-kept")


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    def clear() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")

    clear()
    ran.clear()
    yield
    clear()


def work() -> None:
    """A real worker, until nothing is left to do."""
    while due():
        worker.work()


def due() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo'"
            " AND coalesce(scheduled_at, now()) <= now())"
        )
        return bool(cursor.fetchone()[0])


def waiting(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo'", [name])
        return int(cursor.fetchone()[0])


def test_it_works() -> None:
    mark = uuid4()
    enqueue("tests.note", mark=mark)
    work()
    assert ran == [str(mark)]
    assert waiting("tests.note") == 0


def test_a_rolled_back_effect_leaves_no_job() -> None:
    with pytest.raises(Undo), transaction.atomic():
        enqueue("tests.note", mark="undone")
        assert waiting("tests.note") == 1
        raise Undo
    assert waiting("tests.note") == 0


def test_a_rolled_back_effect_inside_a_job_leaves_no_job() -> None:
    enqueue("tests.note_and_undo", mark="inner")
    work()
    assert ran == ["inner-kept"]


def test_a_plain_defer_inside_a_job_would_not_be_in_its_transaction() -> None:
    """Why `enqueue` exists: the worker swaps the connector that a task's own `defer` uses."""
    with app.replace_connector(app.connector.get_worker_connector()):
        assert type(app.tasks["tests.note"].blueprint.connector).__name__ != "DjangoConnector"


def test_of_jobs_with_one_key_only_one_waits_and_the_transaction_lives_on() -> None:
    with transaction.atomic():
        enqueue("tests.note", mark="first", once_key="one")
        enqueue("tests.note", mark="second", once_key="one")
        enqueue("tests.note", mark="other", once_key="two")
        assert waiting("tests.note") == 2
    work()
    assert sorted(ran) == ["first", "other"]


def test_a_job_for_later_waits() -> None:
    enqueue("tests.note", mark="later", at=clock.now() + timedelta(hours=1))
    work()
    assert ran == []
    assert waiting("tests.note") == 1


def test_an_unknown_job_is_a_bug() -> None:
    with pytest.raises(KeyError):
        enqueue("tests.no_such_job")


def test_money_comes_first() -> None:
    enqueue("tests.note_and_undo", mark="upkeep")
    enqueue("tests.note", mark="money")
    work()
    assert ran == ["money", "upkeep-kept"]


def test_a_job_whose_worker_died_is_run_again() -> None:
    enqueue("tests.note", mark="stalled")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
    tasks.retry_stalled_jobs(0)
    work()
    assert ran == ["stalled"]


def test_old_jobs_are_deleted() -> None:
    enqueue("tests.note", mark="old")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '100 days'")
    tasks.delete_old_jobs(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs")
        assert cursor.fetchone() == (0,)


def test_what_was_given_up_is_listed_and_queued_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for mark in ("one", "two"):
        enqueue("tests.note", mark=mark, once_key=mark)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        cursor.execute("SELECT id FROM procrastinate_jobs ORDER BY id")
        one, two = (row[0] for row in cursor.fetchall())
    assert "2 given up, 0 asked" in given_up()
    with pytest.raises(CommandError, match="no such job"):
        given_up("--again", "0")
    assert f"{one}  " in given_up("--again", str(one))
    work()
    assert ran == ["one"]
    enqueue("tests.note", mark="another two", once_key="two")
    assert "left: another" in given_up("--again", "all")
    work()
    assert ran == ["one", "another two"]
    assert f"{two}  " in given_up()
    assert "waits again" in given_up("--again", "all")


def given_up(*options: str) -> str:
    said = StringIO()
    call_command("given_up_jobs", *options, stdout=said)
    return said.getvalue()
