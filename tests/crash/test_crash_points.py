"""Every money command, interrupted at every place: all of its effect stands or nothing, and a repeat completes it once.

`raise` is an exception in the process; `kill` is SIGKILL to a process of its own, in the middle of its transaction.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connections

from clustr.kit.crashpoints import Crash, crash_point, failing, watching
from tests.crash.requests import REQUESTS, Asked, World
from tests.crash.standing import difference, standing
from tests.crash.ways import in_turns
from tests.proofs import broken_books

pytestmark = pytest.mark.early

DOOR = {"door.once.claimed", "door.once.worked", "door.once.kept", "door.once.committed"}
DONE = (200, 201, 202)
ONE_STATEMENT = ("pay", "pay_with_pin", "acknowledge")
"""What claims, acts, keeps its answer and commits in one statement: the process has no place in between to die at."""
AFTER_COMMIT = ("after_commit", "door.once.committed")


class Victim:
    """The process whose forks are killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.victim", str(connections["default"].settings_dict["NAME"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=django_settings.PROJECT_ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def killed_at(self, at: str, world: World, asked: Asked, key: str) -> None:
        assert self.process.stdin
        headers = world.client(asked.person).headers | {"Idempotency-Key": key}
        sent = {"at": at, "method": asked.method, "path": asked.path, "body": asked.body, "headers": headers}
        self.process.stdin.write(json.dumps(sent) + "\n")
        self.process.stdin.flush()
        assert json.loads(self._line()) == {"signal": signal.SIGKILL, "status": 0}

    def end(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    victim = Victim()
    yield victim
    victim.end()


@pytest.fixture(autouse=True)
def unhurried(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(
        update={
            "THROTTLE_MONEY_PER_MINUTE": 1_000_000,
            "THROTTLE_MONEY_BURST": 1_000,
            "THROTTLE_NAMES_PER_MINUTE": 1_000,
            "THROTTLE_NAMES_PER_ESTATE": 1_000,
        }
    )


def send(world: World, asked: Asked, key: str) -> Any:
    """Ask, and again while the interrupted request still holds its claim."""
    deadline = time.monotonic() + 10
    while True:
        answer = world.client(asked.person).request(asked.method, asked.path, asked.body, key=key)
        if answer.status_code != 409 or answer.json()["code"] != "request_in_progress" or time.monotonic() > deadline:
            return answer
        time.sleep(0.01)


def raised_at(at: str, world: World, asked: Asked, key: str) -> None:
    with watching(failing(at)):
        try:
            answer = world.client(asked.person).request(asked.method, asked.path, asked.body, key=key)
        except Crash:
            return
    assert answer.status_code == 500, "the place was not reached"


def undisturbed(world: World, make: Callable[[World], Asked]) -> tuple[dict[str, int], list[str]]:
    """What the request changes when nothing interrupts it, and the places it passes."""
    answer = send(world, make(world), uuid4().hex)  # the first opens accounts, which later ones find
    assert answer.status_code in DONE, answer.content
    asked, passed = make(world), list[str]()
    before = standing(world.cast.cluster_id)
    with watching(passed.append):
        assert send(world, asked, uuid4().hex).status_code in DONE
    return difference(before, standing(world.cast.cluster_id)), passed


@pytest.mark.parametrize("name", REQUESTS)
def test_all_or_nothing_and_once(name: str, victim: Victim) -> None:
    make, command = REQUESTS[name]
    world = World()
    cluster_id = world.cast.cluster_id
    effect, passed = undisturbed(world, make)
    wanted = {"door.once.committed", f"{command}.before", f"{command}.after_commit"}
    if name not in ONE_STATEMENT:
        wanted |= DOOR | {f"{command}.before_commit"}
    assert wanted <= set(passed)
    assert len(set(passed)) == len(passed)
    assert effect["rows of audit_idempotency_key"] == 1
    for at, interrupt in in_turns(name, passed, (raised_at, victim.killed_at)):
        where = f"{at} by {interrupt.__name__}"
        asked, key = make(world), uuid4().hex
        before = standing(cluster_id)
        interrupt(at, world, asked, key)
        done = at.endswith(AFTER_COMMIT)
        assert difference(before, standing(cluster_id)) == (effect if done else {}), where
        answer = send(world, asked, key)
        assert answer.status_code in DONE, (where, answer.content)
        assert answer.headers.get("Idempotent-Replayed") == ("true" if done else None), where
        assert send(world, asked, key).content == answer.content, where
        assert difference(before, standing(cluster_id)) == effect, where
    assert broken_books(cluster_id) == []


def test_a_place_does_nothing_unless_armed() -> None:
    crash_point("nowhere")
    with watching(failing("elsewhere")):
        crash_point("nowhere")
    with pytest.raises(Crash), watching(failing("nowhere")):
        crash_point("nowhere")


def test_the_environment_arms_a_place() -> None:
    code = "from clustr.kit.crashpoints import crash_point as at; at('a'); at('b')"
    for armed, ended in (("", 0), ("a", 1), ("b:raise", 1), ("b:kill", -signal.SIGKILL), ("c", 0)):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "CLUSTR_CRASH_AT": armed},
            cwd=django_settings.PROJECT_ROOT,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == ended, (armed, ran.stderr)


def test_production_never_crashes_on_request(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"CLUSTR_ENV": "production"})
    with pytest.raises(RuntimeError), watching(print):
        pass


def test_an_unknown_way_to_crash_is_refused() -> None:
    with pytest.raises(ValueError, match="explode"):
        failing("bills.pay.before:explode")
