"""The machine a figure was measured on."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Machine:
    """Its size, and the server's version and promises."""

    cores: int
    memory_gib: float
    system: str
    postgresql: str
    promises: str

    @classmethod
    def of(cls, server: Connection) -> Machine:
        shown = {
            name: server.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        }
        version = shown.pop("server_version").split()[0]
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_gib=psutil.virtual_memory().total / 2**30,
            system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
            postgresql=version,
            promises=", ".join(f"{name} {value}" for name, value in shown.items()),
        )

    def __str__(self) -> str:
        return (
            f"{self.cores} cores, {self.memory_gib:.0f} GiB, {self.system}, PostgreSQL {self.postgresql}"
            f" ({self.promises}). Server, load and clients share these cores."
        )


def load() -> float:
    """How many processes wanted a core during the last minute."""
    return os.getloadavg()[0]


def pace() -> float:
    """Milliseconds that a million additions take here, the least of five: hours of one machine differ by as much as three times."""
    least = float("inf")
    for _ in range(5):
        total, began = 0, time.perf_counter()
        for number in range(1_000_000):
            total += number
        least = min(least, time.perf_counter() - began)
    return least * 1000


def memory_mib(pid: int, *, peak: bool = False) -> float:
    """Resident memory of a process, now or at its highest since it began (or since `forget_peak`)."""
    wanted = "VmHWM" if peak else "VmRSS"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value.split()[0]) / 1024
    raise RuntimeError(f"process {pid} has no {wanted}")


def forget_peak(pid: int) -> None:
    """Let a process's highest resident memory count from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
