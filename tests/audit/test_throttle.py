"""So many at once, so many a minute: exact across connections."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction

from clustr.audit import commands
from clustr.audit.types import Bucket


def own_connection() -> psycopg.Connection:
    """One that no pool hands out: as another process would have."""
    known = connection.settings_dict
    return psycopg.connect(
        host=known["HOST"],
        port=known["PORT"],
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=known["NAME"],
        autocommit=True,
    )


def a_bucket(*, per_minute: int = 1, burst: int = 3, cost: int = 1) -> Bucket:
    return Bucket(f"test:{uuid4().hex}", per_minute, burst, cost)


def test_it_works() -> None:
    bucket = a_bucket()
    assert [commands.take_turn(bucket) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert 59 < commands.take_turn(bucket) <= 60


def test_waiting_gives_another_turn() -> None:
    bucket = a_bucket(per_minute=600, burst=1)
    assert commands.take_turn(bucket) == 0.0
    wait = commands.take_turn(bucket)
    assert 0 < wait <= 0.1
    time.sleep(wait + 0.01)
    assert commands.take_turn(bucket) == 0.0


def test_another_bucket_is_not_touched() -> None:
    full = a_bucket(burst=1)
    commands.take_turn(full)
    assert commands.take_turn(full) > 0
    assert commands.take_turn(a_bucket(burst=1)) == 0.0


@pytest.mark.parametrize("first", ["empty", "good"])
def test_from_all_buckets_or_from_none(first: str) -> None:
    """Turns are taken in the order of the names: one that was taken before another was refused is given back."""
    one, two = sorted((f"test:{uuid4().hex}", f"test:{uuid4().hex}"))
    empty, good = Bucket(one, 1, 1), Bucket(two, 1, 2)
    if first == "good":
        empty, good = Bucket(two, 1, 1), Bucket(one, 1, 2)
    commands.take_turn(empty)
    for _ in range(3):
        assert commands.take_turn(empty, good) > 0
        assert commands.take_turn(good, empty) > 0
    assert [commands.take_turn(good) for _ in range(2)] == [0.0, 0.0]


def test_each_gets_back_what_was_taken_from_it() -> None:
    tag = uuid4().hex
    quick, slow, empty = (
        Bucket(f"test:{tag}:1", per_minute=60, burst=2),
        Bucket(f"test:{tag}:2", per_minute=1, burst=2),
        Bucket(f"test:{tag}:3", per_minute=2, burst=1),
    )
    commands.take_turn(empty)
    for _ in range(3):
        assert 25 < commands.take_turn(quick, slow, empty) <= 30
    assert [commands.take_turn(slow) > 0 for _ in range(3)] == [False, False, True]
    assert commands.take_turn(quick) == 0.0


def test_a_turn_may_cost_more() -> None:
    bucket = a_bucket(burst=10, cost=4)
    assert [commands.take_turn(bucket) > 0 for _ in range(3)] == [False, False, True]


def test_sixty_at_once_get_exactly_the_burst() -> None:
    bucket, barrier, waits = a_bucket(per_minute=1, burst=40), threading.Barrier(60), []

    def ask() -> None:
        with own_connection() as mine:
            barrier.wait(30)
            row = mine.execute(
                "SELECT audit_throttle(%s, %s::float8[], %s::int[], %s::int[])", ([bucket.name], [60.0], [40], [1])
            ).fetchone()
            waits.append(row[0] if row else None)

    threads = [threading.Thread(target=ask) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == 60
    assert waits.count(0.0) == 40


def test_it_refuses_to_run_inside_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError), transaction.atomic():
        commands.take_turn(a_bucket())


def test_idle_buckets_are_forgotten() -> None:
    idle, busy = a_bucket(per_minute=60_000), a_bucket(per_minute=1, burst=3)
    commands.take_turn(idle)
    commands.take_turn(busy)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_throttle SET tat = tat - interval '2 minutes' WHERE bucket = %s", [idle.name])
    commands.forget_idle_throttles()
    with connection.cursor() as cursor:
        cursor.execute("SELECT bucket FROM audit_throttle WHERE bucket = ANY(%s)", [[idle.name, busy.name]])
        assert cursor.fetchall() == [(busy.name,)]
