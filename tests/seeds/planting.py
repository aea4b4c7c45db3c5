"""Planting seeds in copies of the tree, and seeing which test finds each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import psutil

from tests.seeds.seed import Seed

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".clustr*", "__pycache__", ".*_cache", ".hypothesis", "htmlcov")
_NAMED_SECONDS = 300
_FOLDERS_SECONDS = 1200
_TRIES = 3
_FOUND = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_NO_SCHEMA = "tests/databases.py"
_KEEP_SERVER = "import django; django.setup(); from clustr.kit import database; database.join(); print('up'); input()"


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a seed: `caught` by a test, `survived` them all, or `broken`: it shows nothing."""

    how: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Grown:
    """A seed that was run."""

    seed: Seed
    ended: Ended
    seconds: int
    said: str


class Field:
    """A copy of the tree with a data folder and a PostgreSQL of its own, in which one seed at a time is planted."""

    def __init__(self, root: Path, place: Path) -> None:
        self._place = place
        shutil.copytree(root, place, ignore=_LEFT_OUT, symlinks=True)
        (place / ".venv").symlink_to((root / ".venv").resolve())
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "CLUSTR_"))
        } | {"DJANGO_SETTINGS_MODULE": "tests.settings", "BOTH_WAYS": "1"}

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """Keep the PostgreSQL of this copy running from seed to seed."""
        keeper = subprocess.Popen(
            [self._python, "-c", _KEEP_SERVER],
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert keeper.stdout
            assert keeper.stdout.readline() == "up\n", "PostgreSQL does not start"
            yield
        finally:
            keeper.communicate("\n", timeout=60)

    def grow(self, seed: Seed, *, races: bool = False) -> Grown:
        """Plant the seed, run the tests that should find it, then its folders, and take it out again. With `races`:
        only its races over HTTP, each of which must find it."""
        path = self._place / seed.file
        healthy, began = path.read_text(), time.monotonic()
        try:
            seed.sow(self._place)
            self._forget_compiled(path)
            ended, said = self._race(seed) if races else self._run(seed.tests, _NAMED_SECONDS)
            if ended.how == "survived" and not races:
                ended, said = self._search(seed.folders)
        finally:
            path.write_text(healthy)
            self._forget_compiled(path)
        return Grown(seed, ended, round(time.monotonic() - began), said)

    def _search(self, folders: Sequence[str]) -> tuple[Ended, str]:
        """Run whole folders; what they find must be found again, or it was chance."""
        ended, said = self._run(folders, _FOLDERS_SECONDS)
        if ended.how == "caught" and (path := ended.where.partition("[")[0]).startswith("tests/"):
            again, said_again = self._run([path], _NAMED_SECONDS)
            if again.how == "survived":
                return Ended("survived", f"{ended.where} failed once, by chance"), said + said_again
        return ended, said

    def _race(self, seed: Seed) -> tuple[Ended, str]:
        """A race is won by chance now and then: those that have not found the seed are run again, a few times."""
        waiting, said = list(seed.races), ""
        for _ in range(_TRIES):
            ended, said = self._run(waiting, _NAMED_SECONDS, all_of_them=True)
            if ended.how == "broken":
                return ended, said
            found = {name.partition("[")[0] for name in _FOUND.findall(said)}
            waiting = [race for race in waiting if race not in found]
            if not waiting:
                return Ended("caught", ", ".join(race.rpartition("::")[2] for race in seed.races)), said
        return Ended("survived", ", ".join(waiting)), said

    @property
    def _python(self) -> str:
        return str(self._place / ".venv" / "bin" / "python")

    def _run(self, tests: Sequence[str], seconds: int, *, all_of_them: bool = False) -> tuple[Ended, str]:
        upto = [] if all_of_them else ["-x"]
        command = [self._python, "-m", "pytest", *upto, "-q", "-n", "0", "--tb=short", *tests]
        running = psutil.Popen(
            command,
            cwd=self._place,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            for process in (*running.children(recursive=True), running):
                process.kill()
            return Ended("caught", f"no end after {seconds} s"), str(running.communicate()[0])
        return verdict(running.returncode, said), said

    @staticmethod
    def _forget_compiled(path: Path) -> None:
        """Two states of a file may have one size and one second of change, by which compiled code is known."""
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()


def verdict(code: int, said: str) -> Ended:
    """What pytest's exit status and output say of a seed."""
    found = _FOUND.search(said)
    if code == 0:
        return Ended("survived")
    if code != 1 or found is None:
        return Ended("broken", found[1] if found else f"pytest ended with {code}")
    prepared = not ("ERROR at setup" in said and _NO_SCHEMA in said)
    return Ended("caught" if prepared else "broken", found[1])


def grow_all(
    seeds: Sequence[Seed], *, fields: Sequence[Field], races: bool, tell: Callable[[Grown], None]
) -> list[Grown]:
    """Grow each seed in whichever field is free; `tell` of each as it ends."""
    free: SimpleQueue[Field] = SimpleQueue()
    for field in fields:
        free.put(field)

    def grow(seed: Seed) -> Grown:
        field = free.get()
        try:
            grown = field.grow(seed, races=races)
        finally:
            free.put(field)
        tell(grown)
        return grown

    with ThreadPoolExecutor(len(fields)) as hands:
        try:
            return list(hands.map(grow, seeds))
        except BaseException:
            hands.shutdown(wait=False, cancel_futures=True)
            raise
