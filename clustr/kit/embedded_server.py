"""The embedded PostgreSQL as one server process: made, started, watched, stopped. `clustr.kit.embedded` decides when.

PostgreSQL refuses to run as root. Root therefore runs it under a numeric account of its own, which needs no entry in
the system's list of accounts, and starts it inside its data folder (`/proc/self/cwd`), so that no folder above has to
be opened to that account.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from clustr.kit.embedded_programs import EmbeddedServerFailed, binary, initialising_account, run_as

SUPERUSER = "clustr_superuser"
PORT = 5432
ACCOUNT = 59_432
"""The numeric account PostgreSQL runs under when ClustR is run by root."""

_HERE = "/proc/self/cwd"
_PATIENCE_SECONDS = 600  # a crash recovery may be long
_LOG_LIMIT_BYTES = 10 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "pglz",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "log_min_error_statement": "panic",  # statements carry personal data, which a log must not
    "log_line_prefix": "%m [%p] %u ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One data folder's server. Callers hold the folder's lock."""

    data: Path
    sockets: Path
    log: Path

    @property
    def pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def running(self) -> psutil.Process | None:
        """The live server process of this folder; a zombie or a stranger that got its process id is none."""
        pid, _ = self._noted()
        if pid is None:
            return None
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                _reap(pid)
                return None
            return process if _works_in(process, self.data) else None
        except psutil.NoSuchProcess:
            return None

    def ready(self) -> bool:
        return self._noted()[1] == "ready" and self.running() is not None

    def start(self, password: str) -> None:
        """Make the server ready: initialise its folder, clear what a crash left, start it, wait for it."""
        if not (self.data / "PG_VERSION").exists():
            self._initialise(password)
        self._prepare_sockets()
        child: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.ready():
                return
            if self.running() is None:
                if child is None:
                    self._clear_what_a_crash_left()
                    child = self._spawn()
                elif child.poll() is not None:
                    break
            time.sleep(0.02)
        raise EmbeddedServerFailed(f"PostgreSQL did not start. Its last words:\n{_tail(self.log)}")

    def stop(self) -> None:
        """Stop cleanly: open transactions are rolled back, everything committed is on disk."""
        process = self.running()
        if process is None:
            return
        for wish, patience_seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(wish)
            if _gone(process, patience_seconds):
                with contextlib.suppress(OSError):
                    self.sockets.rmdir()
                return
        raise EmbeddedServerFailed(f"PostgreSQL (process {process.pid}) does not stop; see {self.log}")

    def _noted(self) -> tuple[int | None, str]:
        """What the server wrote about itself: its process id and its state (`starting`, `ready`, `stopping`)."""
        try:
            lines = self.pid_file.read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
        except (FileNotFoundError, ValueError, IndexError):
            return None, ""

    def _initialise(self, password: str) -> None:
        """Make the data folder aside and move it into place whole, so that a crash leaves none half made."""
        making = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True, mode=0o700)
        helper = initialising_account()
        reading, writing = os.pipe()
        try:
            if helper is not None:
                os.chown(making, helper, helper)
                os.fchown(reading, helper, helper)
            os.write(writing, password.encode() + b"\n")
            os.close(writing)
            command = [str(binary("initdb")), "-D", _within(making), "-U", SUPERUSER, f"--pwfile=/dev/fd/{reading}"]
            command += ["--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale=C"]
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            made = subprocess.run(  # noqa: S603
                command, pass_fds=[reading], capture_output=True, text=True, check=False, **run_as(helper, making)
            )
        finally:
            os.close(reading)
        if made.returncode:
            raise EmbeddedServerFailed(f"PostgreSQL's data folder could not be made: {made.stderr.strip()}")
        if helper is not None:
            _give(making, ACCOUNT)
        making.rename(self.data)

    def _account(self) -> int | None:
        """The account to switch to: none for ordinary people; for root, whoever owns the data folder."""
        if os.geteuid() != 0:
            return None
        owner = self.data.stat().st_uid
        if owner == 0:
            _give(self.data, ACCOUNT)
            owner = ACCOUNT
        return owner

    def _prepare_sockets(self) -> None:
        """The private folder of the socket: nobody but the server's account (and root) may enter it."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        account = self._account()
        wanted = os.geteuid() if account is None else account
        if not self.sockets.is_dir() or self.sockets.is_symlink() or found.st_uid not in (wanted, os.geteuid()):
            raise EmbeddedServerFailed(f"{self.sockets} belongs to somebody else; remove it")
        self.sockets.chmod(0o700)
        if found.st_uid != wanted:
            os.chown(self.sockets, wanted, wanted)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = {**_SETTINGS, "unix_socket_directories": str(self.sockets), "cluster_name": "clustr"}
        command = [str(binary("postgres")), "-D", _within(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            started = subprocess.Popen(  # noqa: S603
                command, stdout=log, stderr=log, start_new_session=True, **run_as(self._account(), self.data)
            )
        _children[started.pid] = started
        return started

    def _clear_what_a_crash_left(self) -> None:
        """A killed server may remain as a zombie, which its own notes would make the next one take for alive."""
        self._end_orphans()
        self.pid_file.unlink(missing_ok=True)
        for noted in self.sockets.glob(".s.PGSQL.*"):
            noted.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End what outlived its server. Two servers on one folder would destroy it, so none may be left."""
        for wish, patience_seconds in ((None, 2.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 10.0)):
            deadline = time.monotonic() + patience_seconds
            for orphan in self._processes():
                if wish is not None:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        orphan.send_signal(wish)
            while any(True for _ in self._processes()):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
            else:
                return
        raise EmbeddedServerFailed(f"processes of an earlier PostgreSQL still work in {self.data}; end them first")

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and _works_in(process, self.data):
                    yield process


_children: dict[int, subprocess.Popen[bytes]] = {}


def _within(folder: Path) -> str:
    return _HERE if os.geteuid() == 0 and Path(_HERE).exists() else str(folder)


def _give(folder: Path, account: int) -> None:
    for where, _, files in os.walk(folder):
        os.chown(where, account, account)
        for name in files:
            os.chown(Path(where) / name, account, account, follow_symlinks=False)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return process.name().startswith("postgres") and Path(process.cwd()).samefile(folder)
    return False


def _reap(pid: int) -> None:
    child = _children.pop(pid, None)
    if child is not None:
        child.poll()
    else:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _gone(process: psutil.Process, patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                _reap(process.pid)
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:]) if log.exists() else "(nothing)"
