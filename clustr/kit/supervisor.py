"""Keeping several processes alive: start them, restart what dies with back-off, stop all together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

_BACK_OFF_SECONDS = (0.5, 1, 2, 5, 10, 30)
_STEADY_AFTER_SECONDS = 60
_STOP_PATIENCE_SECONDS = 40
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(slots=True)
class Kept:
    """A process that is kept alive."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    deaths: int = 0


@dataclass(slots=True)
class Supervisor:
    """Runs until `stop()` is asked for, by a signal or by the caller."""

    say: Callable[[str], object]
    kept: list[Kept] = field(default_factory=list)
    stopping: bool = False

    def keep(self, name: str, command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> None:
        """Keep it running; `environ` is added to this process's own environment."""
        self.kept.append(Kept(name, command, environ or {}))

    def stop_on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, *_: object) -> None:
        self.stopping = True

    def run(self, *, each_turn: Sequence[Callable[[], None]]) -> None:
        """Watch until asked to stop, then stop everything. The acts of `each_turn` run about twice a second."""
        try:
            while not self.stopping:
                for kept in self.kept:
                    self._attend(kept)
                for act in each_turn:
                    act()
                time.sleep(0.4)
        finally:
            self._stop_all()

    def _attend(self, kept: Kept) -> None:
        now = time.monotonic()
        if kept.process is None:
            if now >= kept.start_again_at and not self.stopping:
                kept.process, kept.started_at = _start(kept), now
            return
        status = kept.process.poll()
        if status is None:
            return
        kept.process = None
        kept.deaths = 0 if now - kept.started_at > _STEADY_AFTER_SECONDS else kept.deaths
        wait_seconds = _BACK_OFF_SECONDS[min(kept.deaths, len(_BACK_OFF_SECONDS) - 1)]
        kept.deaths += 1
        kept.start_again_at = now + wait_seconds
        self.say(f"The {kept.name} process ended with status {status}; starting it again in {wait_seconds} s.")

    def _stop_all(self) -> None:
        running = [kept.process for kept in self.kept if kept.process and kept.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def die_with_parent(*, parent: int, by: signal.Signals) -> None:
    """Have this process sent a signal when `parent`, the process that made it, ends however it ends; on Linux only.

    A server that outlived whoever would stop it would keep its port, and go on answering from old code.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, by)
    if os.getppid() != parent:  # it ended before this process asked to be told
        os.kill(os.getpid(), by)


def _start(kept: Kept) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches the supervisor alone; and never outliving the supervisor."""
    return subprocess.Popen(  # noqa: S603
        kept.command,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **kept.environ},
        start_new_session=True,
        preexec_fn=partial(die_with_parent, parent=os.getpid(), by=signal.SIGTERM),
    )
