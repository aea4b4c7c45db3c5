"""Python processes that work side by side for a while: ready, go, count."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from django.conf import settings

from bench.estates import Estate

_PATIENCE_SECONDS = 60


def crowd(command: Sequence[str], count: int, *, env: Mapping[str, str]) -> float:
    """Start the command `count` times; each says `ready`, waits for a line, works, and prints how many acts it did in
    how many seconds. Answers their acts per second together."""
    started = [
        subprocess.Popen(
            [*command, str(lane)],
            env={**os.environ, **env},
            cwd=settings.PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for lane in range(count)
    ]
    try:
        for process in started:
            line = process.stdout.readline()  # type: ignore[union-attr]
            if line.strip() != "ready":
                raise RuntimeError(f"{command[-1]} said {line!r} instead of ready")
        for process in started:
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        answers = [process.communicate(timeout=_PATIENCE_SECONDS)[0].split() for process in started]
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()
    return sum(int(acts) / float(seconds) for acts, seconds in answers)


def posts_per_second(database: str, estate: Estate, count: int, threads: int, seconds: float) -> float:
    """Single transfers through the ledger's Python command, each in a transaction of its own."""
    command = [sys.executable, "-m", "bench.python_posts", database, str(estate.number), str(estate.members)]
    return crowd([*command, str(threads), str(seconds)], count, env={"DJANGO_SETTINGS_MODULE": "bench.settings"})
