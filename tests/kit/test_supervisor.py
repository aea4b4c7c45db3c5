"""What dies is started again; what is asked to stop stops, all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from clustr.kit import clock, supervisor
from clustr.kit.supervisor import Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_works() -> None:
    said: list[str] = []
    keeper = Supervisor(say=said.append)
    keeper.keep("sleeper", SLEEP)
    seen: list[int] = []

    def act() -> None:
        process = keeper.kept[0].process
        assert process is not None or said
        if process is None:
            return
        if process.pid not in seen:
            seen.append(process.pid)
            if len(seen) == 1:
                process.kill()
            else:
                keeper.stopping = True

    keeper.run(each_turn=[act])
    assert len(seen) == 2
    assert said == ["The sleeper process ended with status -9; starting it again in 0.5 s."]
    assert not any(psutil.pid_exists(pid) for pid in seen)


def test_what_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_STOP_PATIENCE_SECONDS", 0.5)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    keeper = Supervisor(say=print)
    keeper.keep("stubborn", [sys.executable, "-c", stubborn])
    turns: list[int] = []

    def act() -> None:
        turns.append(1)
        keeper.stopping = len(turns) == 3

    keeper.run(each_turn=[act])
    assert keeper.kept[0].process is not None
    assert keeper.kept[0].process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a child when its parent dies")
def test_nothing_outlives_a_killed_supervisor() -> None:
    code = (
        "from clustr.kit.supervisor import Supervisor\n"
        "keeper = Supervisor(say=print)\n"
        f"keeper.keep('sleeper', {SLEEP!r})\n"
        "keeper.run(each_turn=[lambda: print(keeper.kept[0].process.pid, flush=True)])\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=settings.PROJECT_ROOT
    )
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_signal_asks_to_stop() -> None:
    keeper = Supervisor(say=print)
    kept = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        keeper.stop_on_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        until(lambda: keeper.stopping)
    finally:
        signal.signal(signal.SIGTERM, kept[0])
        signal.signal(signal.SIGINT, kept[1])


@pytest.fixture
def own_clock(tmp_path: Path) -> Iterator[None]:
    """A clock that no other test follows."""
    kept = clock._offset_file
    clock.use_offset_file(tmp_path / "clock-offset")
    yield
    clock.use_offset_file(kept)


def test_the_clock_command_moves_the_demonstrations_clock(own_clock: None) -> None:
    before = clock.now()
    call_command("move_clock", "+30d")
    assert (clock.now() - before).days == 30
    call_command("move_clock", "-1h")
    assert (clock.now() - before).days == 29


@pytest.mark.parametrize("by", ["30d", "+30", "+3w", "", "+-3d"])
def test_the_clock_command_refuses_what_it_does_not_understand(by: str) -> None:
    with pytest.raises(CommandError):
        call_command("move_clock", by)
