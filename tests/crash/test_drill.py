"""A restore to a point of the log chosen at random: the short form of `bin/drill`."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings


def test_exactly_what_was_committed_before_the_point_is_restored() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.drill", "--rounds", "1", "--seconds", "0.5"],
        cwd=settings.PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("round 1: backup under load")
    assert ran.stdout.rstrip().endswith("every payment before the point is there, none after; books and trail proved")
