"""Simulated lives of anything: how one ends, and living many of them, each with a seed of its own, in several processes.

A module that has lives offers `live(seed, steps=...)`; its command line is `arguments`, `prepare` and `live_many`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from math import ceil
from multiprocessing import get_context

import django
from django.db import connection

IN_ONE_DATABASE = 25
"""So many lives share a database at most: what many have left there slows the next ones down."""


@dataclass
class Ended:
    """How a simulated life ended: what was done, and everything that is wrong."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Some:
    """The lives from seed `first` up to, not with, `end`, of the module of this name."""

    module: str
    first: int
    end: int
    steps: int


def arguments(module: str, *, described: str | None, steps: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=described, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100, help="how many lives")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the seed of the first")
    parser.add_argument("--steps", type=int, default=steps, help="how many acts each has")
    parser.add_argument("--processes", type=int, default=1, help="how many live at once, each in its own database")
    return parser


def prepare() -> None:
    """Make ready a process in which lives are lived."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    logging.disable(logging.CRITICAL)


def live_many(module: str, wanted: argparse.Namespace) -> int:
    """Live so many, and say in the order of their seeds what was wrong with which, and where to go on; answers how many
    went wrong."""
    began, done, failed, last = time.monotonic(), Counter[str](), 0, wanted.first + wanted.seeds
    size = max(1, min(IN_ONE_DATABASE, ceil(wanted.seeds / wanted.processes)))
    parts = [Some(module, at, min(at + size, last), wanted.steps) for at in range(wanted.first, last, size)]
    with _lived(parts, wanted.processes) as lived:
        for part, ended in zip(parts, lived, strict=True):
            for life in ended:
                done.update(life.done)
                failed += bool(life.wrong)
                for wrong in life.wrong:
                    say(f"seed {life.seed}: {wrong}")
            spent = time.monotonic() - began
            say(f"{part.end - wanted.first} lives, {failed} wrong, {spent:.0f} s; go on with --from {part.end}")
    say(", ".join(f"{act} {count}" for act, count in done.most_common()))
    return failed


@contextmanager
def _lived(parts: list[Some], processes: int) -> Iterator[Iterable[list[Ended]]]:
    if processes == 1:
        yield map(live_some, parts)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare) as pool:
        yield pool.map(live_some, parts)


def live_some(some: Some) -> list[Ended]:
    """Live these, in a database of their own. One that breaks off by an error is wrong, and the others go on."""
    from tests.databases import cloned_database

    live = import_module(some.module).live
    ended = []
    with cloned_database():
        for seed in range(some.first, some.end):
            try:
                ended.append(live(seed, steps=some.steps))
            except Exception:  # noqa: BLE001 - whatever it is, it is said of this seed
                ended.append(Ended(seed, wrong=[f"it broke off:\n{traceback.format_exc(limit=-6)}"]))
    return ended


def written() -> str:
    """How far the database's log has come. Where an act leaves it as it was, nothing was written, and there is nothing to
    prove anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
        return str(cursor.fetchone()[0])


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
