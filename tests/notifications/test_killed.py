"""A notice to a whole estate: one row when it is noted, and each member's mail once, however often the worker dies.

MEMBERS in the environment says how many there are; 1,500 unless told (the long form: MEMBERS=5000)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from clustr.clusters.types import Role
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.tenancy import tenant
from tests.cast import Cast, Part
from tests.money import issue
from tests.notifications.acts import events, everybody, fan_out, messages, tell

pytestmark = pytest.mark.early

MEMBERS = int(os.environ.get("MEMBERS", "1500"))


@pytest.fixture
def town(cast: Cast) -> Cast:
    parts = tuple(Part(f"Member {number}", Role.RESIDENT) for number in range(MEMBERS - len(cast.residents)))
    cast.add(cast.palm_grove, *parts)
    return cast


def _settle(cast: Cast, members: int) -> None:
    """So many more residents of Palm Grove, made by the database."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        cursor.execute(
            "WITH made AS (INSERT INTO people_user (id, email, name, phone, password, is_platform_staff, is_active, created_at)"
            " SELECT gen_random_uuid(), 'm' || i || %(estate)s || '@example.test', 'Member ' || i, '', '!', false, true, %(now)s"
            " FROM generate_series(1, %(members)s) AS i RETURNING id)"
            " INSERT INTO clusters_membership (cluster_id, id, user_id, role, joined_at, invited_at, accepted_at)"
            " SELECT kit_tenant(), gen_random_uuid(), id, 'resident', %(now)s, %(now)s, %(now)s FROM made",
            {"estate": cast.cluster_id.hex, "members": members, "now": cast.now},
        )
        cursor.execute("COMMIT")


def _written_by_a_bill(cast: Cast) -> dict[str, int]:
    """Rows that issuing an estate-wide bill writes, by table, as PostgreSQL's counters of the transaction say."""
    counters = "SELECT relname, n_tup_ins + n_tup_upd FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd > 0"
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(counters)
        before = dict(cursor.fetchall())
        issue(cast, "5000.00")
        cursor.execute(counters)
        after = dict(cursor.fetchall())
    return {table: count - before.get(table, 0) for table, count in after.items() if count > before.get(table, 0)}


def test_a_notice_to_an_estate_of_any_size_is_one_row(cast: Cast) -> None:
    """`bin/bench bills` says the same of 1,000,000 members."""
    few = _written_by_a_bill(cast)
    _settle(cast, 20_000)
    assert _written_by_a_bill(cast) == few
    assert (few["notifications_event"], few.get("notifications_delivery", 0)) == (1, 0)
    assert few["bills_bill"] == 1


def _worker(cast: Cast, folder: Path, minutes: int = 0) -> subprocess.Popen[bytes]:
    arguments = [connection.settings_dict["NAME"], str(cast.cluster_id), str(folder), str(minutes)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.notifications.worker", *arguments],
        cwd=settings.PROJECT_ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
    )


def _kill_when(worker: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not ready():
        assert worker.poll() is None, "the worker was done before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker.kill()
    worker.wait()


def _queued(cast: Cast) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, false)", [str(cast.cluster_id)])
        cursor.execute("SELECT count(*) FROM notifications_delivery")
        (count,) = cursor.fetchone()
        cursor.execute("SELECT set_config('clustr.cluster', '', false)")
    return int(count)


def test_every_member_gets_one_mail_although_the_worker_is_killed_three_times(town: Cast, tmp_path: Path) -> None:
    tell(town, everybody(town))
    assert len(events(town.cluster_id)) == 1
    assert _queued(town) == 0

    def written() -> int:
        return len(list(tmp_path.glob("*.eml")))

    _kill_when(_worker(town, tmp_path), lambda: _queued(town) > 0)
    assert _queued(town) <= MEMBERS
    _kill_when(_worker(town, tmp_path), lambda: written() > MEMBERS // 5)
    _kill_when(_worker(town, tmp_path), lambda: written() > MEMBERS * 3 // 5)
    assert written() < MEMBERS
    assert _worker(town, tmp_path, minutes=5).wait(timeout=300) == 0

    mails = [message_from_bytes(path.read_bytes()) for path in tmp_path.glob("*.eml")]
    residents = [person for person in town.palm_grove.people.values() if person.actor.role == Role.RESIDENT]
    assert Counter(mail["To"] for mail in mails) == Counter(person.email for person in residents)
    assert len(mails) == MEMBERS
    assert {row.state for row in messages(town.cluster_id)} == {"sent"}


@pytest.mark.parametrize("place", ["before", "before_commit", "after_commit"])
def test_a_batch_is_queued_once_wherever_it_dies(cast: Cast, place: str) -> None:
    tell(cast, everybody(cast))
    with pytest.raises(Crash), watching(failing(f"notifications.fan_out_to_all.{place}:raise")):
        fan_out(cast.cluster_id, cast.now)
    fan_out(cast.cluster_id, cast.now)
    assert len(messages(cast.cluster_id)) == len(cast.residents)
