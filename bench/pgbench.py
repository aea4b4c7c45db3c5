"""Running pgbench: statements against the server with nothing of ours between them and the socket."""

from __future__ import annotations

import itertools
import os
import re
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connections

from clustr.kit import embedded

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Script:
    """What each client does again and again; `:k` and `:run` in it are for `bench.recording.fresh_id`."""

    name: str
    sql: str
    clients: int
    alias: str = "default"
    per_transaction: int = 1
    """How many transfers one transaction makes."""


@dataclass(frozen=True, slots=True)
class Run:
    per_second: float
    latency_ms: float


class PgbenchFailed(RuntimeError):
    """pgbench, or a statement it sent, failed."""


def in_turns(scripts: Sequence[Script], *, rounds: int, seconds: float) -> dict[str, Run]:
    """Run each script in each round, one after another, so that a slow minute of the machine slows them all; answers
    the medians by name."""
    seen: dict[str, list[Run]] = {script.name: [] for script in scripts}
    for _ in range(rounds):
        for script in scripts:
            seen[script.name].append(run(script, seconds=seconds))
    return {name: median(runs) for name, runs in seen.items()}


def median(runs: Sequence[Run]) -> Run:
    return Run(statistics.median(run.per_second for run in runs), statistics.median(run.latency_ms for run in runs))


_runs = itertools.count(1)


def run(script: Script, *, seconds: float) -> Run:
    """Run one script once. Making connections is not counted."""
    login = connections[script.alias].settings_dict
    counter = "\\set k :k + 1\n"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(counter + script.sql + "\n")
        variables = {"k": time.time_ns() // 1_000_000, "run": next(_runs) % 256}
        ended = subprocess.run(
            [
                *(str(embedded.binary("pgbench")), "--no-vacuum", "--protocol=prepared", f"--file={path}"),
                *(f"--client={script.clients}", f"--jobs={min(2, script.clients)}", _bound(seconds)),
                *(f"--define={name}={value}" for name, value in variables.items()),
                *(f"--host={login['HOST']}", f"--username={login['USER']}", str(login["NAME"])),
            ],
            env={**os.environ, "PGPASSWORD": login["PASSWORD"], "PGOPTIONS": login["OPTIONS"]["options"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + _PATIENCE_SECONDS,
        )
    return _read(script, ended)


def _bound(seconds: float) -> str:
    """pgbench counts whole seconds; less than one becomes a few transactions, to see that the script runs."""
    return f"--time={round(seconds)}" if seconds >= 1 else "--transactions=20"


def _read(script: Script, ended: subprocess.CompletedProcess[str]) -> Run:
    rate = re.search(r"^tps = ([\d.]+)", ended.stdout, re.M)
    latency = re.search(r"^latency average = ([\d.]+) ms", ended.stdout, re.M)
    failed = re.search(r"^number of failed transactions: (\d+)", ended.stdout, re.M)
    if ended.returncode or not rate or not latency or (failed and int(failed[1])) or "aborted" in ended.stderr:
        raise PgbenchFailed(f"{script.name}: {ended.stderr[-2000:]}{ended.stdout[-500:]}")
    return Run(float(rate[1]) * script.per_transaction, float(latency[1]))
