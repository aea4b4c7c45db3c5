"""`bin/run` as a whole: it serves, survives the death of any of its parts, and stops leaving nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

from clustr.kit import embedded, stand_ins

pytestmark = pytest.mark.early


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """One `serve` with a data folder and port of its own."""

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        self.data_dir, self.port = data_dir, port or free_port()
        unset = ("DATABASE_URL", "DATABASE_APP_URL", "CLUSTR_BASE_URL", "DATABASE_ROLE_PREFIX", *stand_ins.NAMES)
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        self.log = data_dir.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = psutil.Popen(
                [sys.executable, str(settings.PROJECT_ROOT / "manage.py"), "serve"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **environment,
                    "CLUSTR_ENV": "demo",
                    "CLUSTR_DATA_DIR": str(data_dir),
                    "CLUSTR_DEMO_MEMBERS": "10",
                    "DJANGO_SETTINGS_MODULE": "clustr.settings",
                    "PORT": str(self.port),
                },
            )

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def said(self) -> str:
        return self.log.read_text()

    def until(self, condition: Callable[[], object], *, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.said()
            assert self.process.poll() is None, self.said()
            time.sleep(0.1)

    def parts(self) -> list[psutil.Process]:
        """The web's processes, the worker's and the sandbox's."""
        return [*self.children("clustr.wsgi"), *self.children("manage.py worker"), *self.children("-m sandbox")]

    def children(self, word: str) -> list[psutil.Process]:
        found = []
        for child in self.process.children(recursive=True):
            try:
                if word in " ".join(child.cmdline()):
                    found.append(child)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    run = Running(tmp_path_factory.mktemp("serve") / "data")
    run.until(run.ready)
    run.until(lambda: "ClustR is ready" in run.said())
    yield run
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


def test_it_works(running: Running) -> None:
    assert f"http://127.0.0.1:{running.port}" in running.said()
    assert "ada@palmgrove.test" in running.said()
    assert embedded.status(running.data_dir).running


def test_a_killed_postgresql_is_started_again(running: Running) -> None:
    os.kill(embedded.status(running.data_dir).pid or 0, signal.SIGKILL)
    running.until(lambda: "PostgreSQL had died and was started again" in running.said())
    running.until(running.ready)


def test_a_killed_worker_is_started_again(running: Running) -> None:
    running.until(lambda: running.children("manage.py worker"))
    worker = running.children("manage.py worker")[0]
    worker.kill()
    running.until(lambda: any(other.pid != worker.pid for other in running.children("manage.py worker")))
    running.until(running.ready)


def test_a_killed_web_process_is_replaced(running: Running) -> None:
    web = running.children("clustr.wsgi")
    assert len(web) >= 3  # the master and two that serve
    web[-1].kill()
    running.until(lambda: len(running.children("clustr.wsgi")) >= 3)
    running.until(running.ready)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a child when its parent dies")
def test_a_killed_web_server_takes_its_processes_along(running: Running) -> None:
    """Else they would go on answering from the port beside the new ones, and nobody would ever stop them."""
    web = running.children("clustr.wsgi")
    (master,) = [process for process in web if process.ppid() == running.process.pid]
    master.kill()
    running.until(lambda: not any(_runs(process) for process in web))
    running.until(lambda: len(running.children("clustr.wsgi")) >= 3)
    running.until(running.ready)


def test_a_killed_sandbox_is_started_again_with_its_keys(running: Running) -> None:
    found = re.search(r"no money moves\): (\S+)", running.said())
    assert found is not None
    sandbox = running.children("-m sandbox")[0]
    key = sandbox.environ()["PAYSTACK_SECRET_KEY"]
    assert running.children("manage.py worker")[0].environ()["PAYSTACK_SECRET_KEY"] == key

    def balance() -> bool:
        try:
            answer = httpx.get(f"{found[1]}/paystack/balance", headers={"Authorization": f"Bearer {key}"})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    running.until(balance)
    sandbox.kill()
    running.until(lambda: any(other.pid != sandbox.pid for other in running.children("-m sandbox")))
    running.until(balance)


def test_a_port_in_use_is_said_at_once(running: Running) -> None:
    refused = subprocess.run(
        [sys.executable, str(settings.PROJECT_ROOT / "manage.py"), "serve"],
        env={**os.environ, "PORT": str(running.port), "CLUSTR_DATA_DIR": str(running.data_dir), "CLUSTR_ENV": "demo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "choose another with PORT=" in refused.stderr


def test_it_stops_leaving_nothing(running: Running) -> None:
    everything = [running.process, *running.process.children(recursive=True)]
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert running.said().rstrip().endswith("Stopped.")
    assert not embedded.status(running.data_dir).running
    assert [one for one in everything if _runs(one)] == []
    log = (running.data_dir / "postgres.log").read_text()
    assert log.rstrip().endswith("database system is shut down")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a child when its parent dies")
def test_killed_without_warning_it_leaves_its_port_free(running: Running) -> None:
    """Also while somebody's connection is open. Whoever starts it again finds the port, and PostgreSQL as it was left."""
    killed = Running(running.data_dir)
    killed.until(killed.ready)
    killed.until(lambda: len(killed.parts()) >= 5)  # one that has just been started has no command yet
    left = killed.parts()
    with socket.create_connection(("127.0.0.1", killed.port)):
        killed.process.kill()
        killed.process.wait()
        deadline = time.monotonic() + 60
        while any(_runs(part) for part in left):
            assert time.monotonic() < deadline, [part for part in left if _runs(part)]
            time.sleep(0.1)
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections may linger; nobody may listen
        taker.bind(("127.0.0.1", killed.port))
    again = Running(running.data_dir, killed.port)
    again.until(again.ready)
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(60) == 0


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
