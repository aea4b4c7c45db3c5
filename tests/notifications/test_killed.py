"""A notice to a whole estate: one row when it is noted, and each member's mail once, however often the worker dies."""

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
from django.db import connection

from clustr.clusters.types import Role
from clustr.kit.crashpoints import Crash, failing, watching
from tests.cast import Cast, Part
from tests.notifications.acts import events, everybody, fan_out, messages, tell

MEMBERS = 5_000


@pytest.fixture
def town(cast: Cast) -> Cast:
    parts = tuple(Part(f"Member {number}", Role.RESIDENT) for number in range(MEMBERS - len(cast.residents)))
    cast.add(cast.palm_grove, *parts)
    return cast


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
    _kill_when(_worker(town, tmp_path), lambda: written() > 1_000)
    _kill_when(_worker(town, tmp_path), lambda: written() > 3_000)
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
