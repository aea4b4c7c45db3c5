"""The long run, `bin/fuzz [CASES] [--seed N] [--job J]`: count, and stop at the first unexpected answer; `bin/fuzz webhooks
[CASES] [--seed N]`: the same with webhooks."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent.parent


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


@dataclass
class Run:
    """What all processes have seen so far."""

    cases: int
    seed: int
    job: int | None
    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    unexpected: list[dict[str, Any]] = field(default_factory=list)
    proved: int = 0
    began: float = field(default_factory=time.monotonic)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, workers: int) -> None:
        quota = -(-self.cases // workers) if self.job is None else 10**9
        for number in range(workers):
            first, step = (number, workers) if self.job is None else (self.job, 10**9)
            arguments = (self.cases, self.seed, first, step, quota)
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.fuzz.worker", *map(str, arguments)],
                    cwd=_ROOT,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )

    def follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                with self._lock:
                    self.hear(json.loads(line), process)

    def hear(self, told: dict[str, Any], by: subprocess.Popen[str]) -> None:
        match told["kind"]:
            case "job":
                self.statuses.update({(role, of, status): times for role, of, status, times in told["seen"]})
                asked = sum(times for *_, times in told["seen"])
                phases = ", ".join(told["phases"])
                spent = time.monotonic() - self.began
                say(
                    f"{self.statuses.total():>8} cases {spent:6.0f} s  job {told['number']}: {told['role']}, {phases}: {asked}"
                )
            case "unexpected":
                self.unexpected.append(told)
                say(f"\n{told['text']}\n\nAgain: bin/fuzz {self.cases} --seed {self.seed} --job {told['job']}\n")
                for process in self.processes:
                    if process is not by:
                        process.terminate()
            case "books":
                self.proved += not told["broken"]
                if told["broken"]:
                    say(f"BOOKS BROKEN: {told['broken']}")

    def report(self) -> int:
        table: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
        for (role, operation, status), times in self.statuses.items():
            table[operation, role][status] += times
        say(f"\n{'operation':<76}{'role':<22}{'cases':>7}  statuses")
        for (operation, role), seen in sorted(table.items()):
            statuses = " ".join(f"{status}:{times}" for status, times in sorted(seen.items()))
            say(f"{operation:<76}{role:<22}{seen.total():>7}  {statuses}")
        proved = self.proved == (1 if self.unexpected else len(self.processes))
        say(f"\n{self.statuses.total()} cases, {len(self.unexpected)} unexpected answers, seed {self.seed}.")
        say("The books are proved." if proved else "The books were NOT proved.")
        return 0 if proved and not self.unexpected else 1


def webhooks(cases: int, seed: int) -> int:
    """In this process, on a database of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ["CLUSTR_LOG_LEVEL"] = "CRITICAL"
    import django

    django.setup()
    from tests.databases import cloned_database

    began = time.monotonic()
    say(f"{cases} webhooks, seed {seed}.")
    with cloned_database():
        from tests.fuzz.webhooks import Seen, ask

        def tell(seen: Seen) -> None:
            if seen.cases % 5_000 == 0 or seen.cases >= cases:
                statuses = " ".join(f"{status}:{times}" for status, times in sorted(seen.statuses.items()))
                acted = " ".join(f"{state}:{times}" for state, times in sorted(seen.acted_on.items()))
                spent = time.monotonic() - began
                say(f"{seen.cases:>8} cases {spent:6.0f} s  {statuses}; {seen.kept} kept: {acted}")

        try:
            ask(cases=cases, seed=seed, tell=tell)
        except AssertionError as error:
            say(f"\n{error!s:.5000}\n\nAgain: bin/fuzz webhooks {cases} --seed {seed}\n")
            return 1
    say("No answer was an error of ours, nothing unsigned was kept, no money moved. The books are proved.")
    return 0


def main() -> int:
    if sys.argv[1:2] == ["webhooks"]:
        parser = argparse.ArgumentParser(prog="bin/fuzz webhooks")
        parser.add_argument("cases", nargs="?", type=int, default=10_000)
        parser.add_argument("--seed", type=int, default=None, help="the run to repeat")
        asked = parser.parse_args(sys.argv[2:])
        return webhooks(asked.cases, asked.seed if asked.seed is not None else secrets.randbelow(10**6))
    parser = argparse.ArgumentParser(prog="bin/fuzz", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=10_000, help="how many requests at least")
    parser.add_argument("--seed", type=int, default=None, help="the run to repeat")
    parser.add_argument("--job", type=int, default=None, help="only this job of the run")
    asked = parser.parse_args()
    run = Run(asked.cases, asked.seed if asked.seed is not None else secrets.randbelow(10**6), asked.job)
    workers = 1 if run.job is not None else max(1, min(os.cpu_count() or 1, run.cases // 500))
    say(f"{run.cases} cases in {workers} processes, seed {run.seed}.")
    run.start(workers)
    try:
        followers = [threading.Thread(target=run.follow, args=(process,)) for process in run.processes]
        for follower in followers:
            follower.start()
        for follower in followers:
            follower.join()
    finally:
        for process in run.processes:
            process.terminate()
            process.wait()
    return run.report()


if __name__ == "__main__":
    sys.exit(main())
