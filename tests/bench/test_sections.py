"""Every section of `bin/bench` runs, at a size that says nothing about speed."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.early

PATIENCE_SECONDS = 600
SECTIONS = [
    "bills",
    "ledger",
    "payments",
    "acknowledgments",
    "webhooks",
    "hanging",
    "pages",
    "orders",
    "usage",
    "books",
]
"""What is run. Of the pages for people some are opened: journeys and pages ask for all of them."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run at the tiny size prints, in a process and on a server of its own."""
    folder = tmp_path_factory.mktemp("bench")
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *SECTIONS, "--tiny"],
        cwd=settings.PROJECT_ROOT,
        env={**os.environ, "BENCH_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr[-3000:] + ran.stdout
    return ran.stdout


@pytest.mark.parametrize("section", SECTIONS)
def test_it_works(said: str, section: str) -> None:
    lines = [line for line in said.splitlines() if line.startswith(f"{section} ")]
    assert len(lines) > 2
    assert not any(" failed " in line for line in lines)


def test_it_names_the_machine_and_the_server(said: str) -> None:
    assert re.search(r"\d+ cores, \d+ GiB, .*PostgreSQL \d+", said)


@pytest.mark.parametrize("what", ["errors", "is there", "books proved", "rows written", "statements at every size"])
def test_what_does_not_depend_on_speed_holds(said: str, what: str) -> None:
    lines = [line for line in said.splitlines() if what in line]
    assert lines
    assert all(line.rstrip().endswith("yes") for line in lines), lines


def test_a_section_that_does_not_exist_is_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "nothing"],
        cwd=settings.PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "there is no section nothing" in ran.stderr
