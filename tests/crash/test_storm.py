"""Payments over HTTP while parts of the server are killed: the short form of `python -m tests.crash.storm`."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings


def test_what_was_acknowledged_stands_once_whatever_is_killed() -> None:
    kinds = "postgresql,web process,connection"
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.storm", "--kinds", kinds],
        cwd=settings.PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("3 kills (")
    assert ran.stdout.rstrip().endswith("lost 0, doubled 0, unacknowledged 0, books proved")
