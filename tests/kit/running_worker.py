"""A worker of its own on a test's database: `python -m tests.kit.running_worker DATABASE [options of bin/manage worker]`.

Its jobs tell what they do by files in a folder. Nothing runs by the clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90
"""How long anything is waited for before a test gives up; on a quiet machine nothing takes more than a few."""


def until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class RunningWorker:
    """Started at once; what it wrote is in `log`."""

    def __init__(self, database: str, folder: Path, *options: str) -> None:
        self.log = folder / "worker.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.kit.running_worker", database, *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            )

    def end(self) -> int:
        """Tell it to stop; answers its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


def register_jobs() -> None:
    from clustr.kit.jobs import MESSAGES, MONEY, task

    @task(name="tests.hold", queue=MONEY)
    def hold(folder: str) -> None:
        """Begins, waits to be let go, ends."""
        _note(folder, "begun")
        until((Path(folder) / "go").exists)
        _note(folder, "ended")

    @task(name="tests.pay", queue=MONEY)
    def pay(folder: str) -> None:
        _note(folder, "paid")

    @task(name="tests.mail", queue=MESSAGES)
    def mail(folder: str) -> None:
        """A mail server that answers nobody until money has moved; it has more patience than any test."""
        _note(folder, "mailing")
        until((Path(folder) / "paid").exists, seconds=20 * PATIENCE_SECONDS)
        _note(folder, "mailed")

    @task(name="tests.fail_once", queue=MONEY)
    def fail_once(folder: str) -> None:
        """Fails while another job with the same key is being added, as a sweep would."""
        from clustr.kit.jobs import enqueue

        _note(folder, "tried")
        if len((Path(folder) / "tried").read_text()) == 1:
            enqueue("tests.fail_once", once_key="tests.fail_once", folder=folder)
            raise RuntimeError("the first time")


def _note(folder: str, what: str) -> None:
    with (Path(folder) / what).open("a") as file:
        file.write("x")


def main(database: str, *options: str) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections
    from procrastinate.contrib.django import app

    from clustr.web import logs

    for alias in connections:
        connections[alias].settings_dict["NAME"] = database
    app.periodic_registry.periodic_tasks.clear()
    register_jobs()
    logs.configure(production=True, level="INFO")
    call_command("worker", *options)


if __name__ == "__main__":
    main(*sys.argv[1:])
