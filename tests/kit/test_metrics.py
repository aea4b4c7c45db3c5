"""Figures of several processes are one sum, which never falls, whoever of them lives or dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

PROCESS = """
import json, os, sys
import django
django.setup()
from clustr.kit import metrics
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "count":
        metrics.BOOKS_EXAMINED.labels("recent").inc(asked["by"])
        metrics.JOB_SECONDS.labels("money", "tests.job").observe(0.3)
        metrics.note_memory("worker")
    elif asked["do"] == "keep":
        metrics.keep_figures_of_the_dead()
    elif asked["do"] == "kill":
        os.kill(os.getpid(), 9)
    found = {}
    for metric in metrics.collect():
        for sample in metric.samples:
            if sample.value and not sample.name.endswith("_created"):
                found[f"{sample.name} {' '.join(value for _, value in sorted(sample.labels.items()))}".strip()] = sample.value
    print(json.dumps(found), flush=True)
"""


class Process:
    """A process that counts into the folder, and tells what it sees of all."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.PROJECT_ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        )

    def ask(self, do: str, **more: Any) -> dict[str, float]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return dict(json.loads(line)) if line else {}

    def kill(self) -> None:
        self.ask("kill")
        self.process.communicate()

    def end(self) -> None:
        self.process.communicate()


EXAMINED = "clustr_books_examined_total recent"
JOBS = "clustr_job_seconds_count tests.job money"
QUICK = "clustr_job_seconds_bucket tests.job 0.5 money"
MEMORY = "clustr_process_memory_bytes worker"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[Process]]:
    made = [Process(tmp_path) for _ in range(3)]
    yield made
    for one in made:
        one.end()


def test_it_works(processes: list[Process], tmp_path: Path) -> None:
    first, second, third = processes
    first.ask("count", by=2)
    seen = second.ask("count", by=3)
    assert (seen[EXAMINED], seen[JOBS], seen[QUICK]) == (5, 2, 2)
    assert seen[MEMORY] > 10_000_000
    assert third.ask("look")[EXAMINED] == 5

    first.kill()
    assert third.ask("look")[EXAMINED] == 5, "the dead process's figures stay"
    seen = third.ask("keep")
    assert (seen[EXAMINED], seen[JOBS], seen[QUICK]) == (5, 2, 2), "also when its files are gone"
    assert not list(tmp_path.glob(f"*_{first.process.pid}.*"))
    assert third.ask("keep")[EXAMINED] == 5, "and are added once"

    assert second.ask("count", by=1)[EXAMINED] == 6
    second.kill()
    seen = third.ask("look")
    assert seen[EXAMINED] == 6
    assert MEMORY not in seen, "memory is of the living"
    assert third.ask("keep")[EXAMINED] == 6


def test_another_machines_processes_are_left_alone(processes: list[Process], tmp_path: Path) -> None:
    """Containers that share the folder see not each other's processes."""
    first, second, _ = processes
    first.ask("count", by=2)
    (file,) = tmp_path.glob(f"counter_{first.process.pid}.*.db")
    elsewhere = tmp_path / "counter_4000000.elsewhere.db"
    elsewhere.write_bytes(file.read_bytes())
    assert second.ask("keep")[EXAMINED] == 4
    assert elsewhere.exists()
