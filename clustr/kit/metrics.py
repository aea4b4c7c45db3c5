"""Where figures for Prometheus are kept, and the kit's own.

Several processes count, and a scrape reaches one of them: each writes its figures to files of its own in the data folder
(prometheus_client's multi-process mode), and whoever is scraped adds them all up. What a process counted is kept when it
ends: a sum that fell would look to Prometheus like a restart, and be counted again.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from django.conf import settings

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
os.environ.setdefault(FOLDER_VARIABLE, str(Path(settings.DATA_DIR) / "metrics"))  # read by the import below
FOLDER = Path(os.environ[FOLDER_VARIABLE])
FOLDER.mkdir(parents=True, exist_ok=True)

from prometheus_client import Counter as Counter  # noqa: E402 - rooms take them from here
from prometheus_client import Gauge, Metric, multiprocess, values  # noqa: E402
from prometheus_client import Histogram as Histogram  # noqa: E402
from prometheus_client.mmap_dict import MmapedDict  # noqa: E402

MACHINE = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())
_OF_A_PROCESS = re.compile(rf"(counter|histogram|gauge_live\w+)_(\d+)\.{re.escape(MACHINE)}\.db")
_MEMORY_EVERY_SECONDS = 1.0


def process_name() -> str:
    """What the files of this process are called by. Containers that share the data folder may all have a process 1."""
    return f"{os.getpid()}.{MACHINE}"


values.ValueClass = values.MultiProcessValue(process_name)  # type: ignore[no-untyped-call]

BOOKS_EXAMINED = Counter(
    "clustr_books_examined",
    "Times the invariants were examined by the worker.",
    ["form"],  # "recent" or "full"
)
VIOLATIONS = Counter(
    "clustr_invariant_violations", "Times an invariant was found broken, or could not be examined.", ["invariant"]
)
NOT_EXAMINED = "not_examined"
JOBS = Counter(
    "clustr_jobs",
    "Runs of jobs, by how they ended: done, again (to be tried again) or failed.",
    ["queue", "job", "outcome"],
)
JOB_SECONDS = Histogram(
    "clustr_job_seconds",
    "Time a run of a job took.",
    ["queue", "job"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300),
)
PROVIDER_CALLS = Counter(
    "clustr_provider_calls",
    "Calls to providers, by what came of them: answered, refused, unsent (nothing left) or unheard (the outcome is not known).",
    ["provider", "outcome"],
)
PROVIDER_SECONDS = Histogram(
    "clustr_provider_call_seconds",
    "Time a call to a provider took, with its repeats.",
    ["provider"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30),
)
MEMORY = Gauge(
    "clustr_process_memory_bytes",
    "Memory of the largest live process of its kind: web or worker.",
    ["process"],
    multiprocess_mode="livemax",
)

_memory_noted_at = 0.0


def note_memory(process: str) -> None:
    """Note how much memory this process, a `web` or a `worker`, has now; at most once a second."""
    global _memory_noted_at
    if time.monotonic() - _memory_noted_at >= _MEMORY_EVERY_SECONDS:
        _memory_noted_at = time.monotonic()
        MEMORY.labels(process).set(psutil.Process().memory_info().rss)


def begin_at_zero(counter: Counter, rows: Iterable[tuple[str, ...]]) -> None:
    """Show these series before anything is counted: Prometheus sees an increase only where there was a figure before."""
    for row in rows:
        counter.labels(*row)


def collect() -> Iterable[Metric]:
    """The figures of all processes that count in this data folder, those that have ended included."""
    with _folder_locked(fcntl.LOCK_SH):
        for file, _, pid in _files():
            if file.name.startswith("gauge_live") and not _lives(pid):
                file.unlink(missing_ok=True)
        found: Iterable[Metric] = multiprocess.MultiProcessCollector(None).collect()  # type: ignore[no-untyped-call]
        return list(found)


def keep_figures_of_the_dead() -> None:
    """Add the figures of processes of this machine that have ended to those kept of earlier ones; once at each start."""
    with _folder_locked(fcntl.LOCK_EX):
        for file, kind, pid in _files():
            if not _lives(pid):
                if kind in ("counter", "histogram"):
                    _add(file, FOLDER / f"{kind}_ended.{MACHINE}.db")
                file.unlink(missing_ok=True)


def _add(file: Path, kept: Path) -> None:
    sums = MmapedDict(str(kept))  # type: ignore[no-untyped-call]
    try:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]
            sums.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        sums.close()  # type: ignore[no-untyped-call]


def _files() -> list[tuple[Path, str, int]]:
    matches = ((file, _OF_A_PROCESS.fullmatch(file.name)) for file in FOLDER.glob("*.db"))
    return [(file, match[1], int(match[2])) for file, match in matches if match]


def _lives(pid: int) -> bool:
    return bool(psutil.pid_exists(pid))


@contextmanager
def _folder_locked(how: int) -> Iterator[None]:
    with (FOLDER / "lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield
