"""The real server on a data folder of its own, and the ways to kill parts of it."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


class Serving:
    """`manage.py serve`, started again whenever it is gone."""

    unset = ("DATABASE_URL", "DATABASE_APP_URL", "CLUSTR_BASE_URL", "DATABASE_ROLE_PREFIX")

    def __init__(self, data_dir: Path, *, members: int = 20) -> None:
        self.data_dir, self.port = data_dir, _free_port()
        self.environment = {
            "CLUSTR_ENV": "demo",
            "CLUSTR_DATA_DIR": str(data_dir),
            "CLUSTR_DEMO_MEMBERS": str(members),
            "DJANGO_SETTINGS_MODULE": "clustr.settings",
            "PORT": str(self.port),
            "THROTTLE_MONEY_PER_MINUTE": "1000000",
            "THROTTLE_MONEY_BURST": "1000",
            "THROTTLE_NAMES_PER_MINUTE": "1000",
            "THROTTLE_NAMES_PER_ESTATE": "1000",
            "THROTTLE_ADDRESS_PER_MINUTE": "1000000",
            "ACCESS_TOKEN_SECONDS": "86400",
        }
        self.log = data_dir.with_suffix(".log")
        self.process: psutil.Popen | None = None

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in self.unset}
        with self.log.open("a") as log:
            self.process = psutil.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**kept, **self.environment},
            )
        deadline = time.monotonic() + 120
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server does not start:\n{self.said()}")
            time.sleep(0.1)

    def ensure_started(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.start()

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, http.client.HTTPException):
            return False

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def parts(self, *words: str) -> list[psutil.Process]:
        """Every process of the server whose command says all this; those of a folder of its own, and nobody else's."""
        found = []
        for part in self.process.children(recursive=True) if self.process else []:
            with suppress(psutil.Error):
                if all(word in " ".join(part.cmdline()) for word in words):
                    found.append(part)
        return found

    def everything(self) -> list[psutil.Process]:
        """Every live process of this server, whoever its parent is by now: by its settings, or as PostgreSQL's by its folder."""
        mine = f"{self.data_dir}"
        found = []
        for part in psutil.process_iter():
            with suppress(psutil.Error):
                ours = part.environ().get("CLUSTR_DATA_DIR") == mine or part.cwd() == f"{mine}/postgres"
                if ours and part.pid != os.getpid() and part.status() != psutil.STATUS_ZOMBIE:
                    found.append(part)
        return found

    def end(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(90)
        except psutil.TimeoutExpired:
            kill_everything(self, random.Random())


@dataclass(frozen=True)
class Kind:
    """A way to kill: how, and how often beside the others."""

    kill: Callable[[Serving, random.Random], None]
    weight: int


def kill_postgresql(serving: Serving, _: random.Random) -> None:
    for part in serving.parts("postgres", "-D")[:1]:
        part.kill()


def kill_a_connection(serving: Serving, dice: random.Random) -> None:
    """One of the web's connections: PostgreSQL then drops all others and recovers."""
    _one(serving.parts("postgres:", "_app"), dice)


def kill_a_web_process(serving: Serving, dice: random.Random) -> None:
    masters = _masters(serving)
    _one([part for part in serving.parts("granian") if part not in masters], dice)


def kill_the_web_server(serving: Serving, _: random.Random) -> None:
    for master in _masters(serving):
        master.kill()


def kill_the_worker(serving: Serving, _: random.Random) -> None:
    for part in serving.parts("manage.py", "worker")[:1]:
        part.kill()


def kill_everything(serving: Serving, _: random.Random) -> None:
    """As a power cut would: also what its parent left behind, and what was being started meanwhile."""
    assert serving.process
    deadline = time.monotonic() + 30
    while left := serving.everything():
        for part in left:
            with suppress(psutil.Error):
                part.kill()
        if time.monotonic() > deadline:
            raise AssertionError(f"these do not die: {left}")
        time.sleep(0.02)
    serving.process.wait(30)


KINDS = {
    "postgresql": Kind(kill_postgresql, 30),
    "connection": Kind(kill_a_connection, 25),
    "web process": Kind(kill_a_web_process, 25),
    "web server": Kind(kill_the_web_server, 5),
    "worker": Kind(kill_the_worker, 5),
    "everything": Kind(kill_everything, 10),
}


def _masters(serving: Serving) -> list[psutil.Process]:
    """The web server itself, which the supervisor started and whose children serve."""
    return [part for part in serving.parts("granian") if part.ppid() == (serving.process.pid if serving.process else 0)]


def _one(parts: list[psutil.Process], dice: random.Random) -> None:
    if parts:
        with suppress(psutil.Error):
            dice.choice(parts).kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
