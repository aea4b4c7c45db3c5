"""ClustR's own PostgreSQL for running and testing: started by the first process that joins, stopped by the last to leave.

Each joined process holds a shared lock on a file, which the kernel releases however the process ends. Whoever starts
or stops the server holds another, exclusive, for as long; so the two questions "is it running?" and "does anybody
still need it?" never race.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from clustr.kit.embedded_programs import EmbeddedServerFailed, binary
from clustr.kit.embedded_server import PORT, SUPERUSER, Server

__all__ = [
    "SUPERUSER",
    "Address",
    "EmbeddedServerFailed",
    "Status",
    "address",
    "binary",
    "ensure_running",
    "join",
    "leave",
    "leave_one",
    "status",
]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens: the folder of its socket, and the port in the socket's name."""

    host: Path
    port: int


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a data folder's server."""

    running: bool
    pid: int | None
    address: Address
    data: Path
    log: Path


@dataclass(frozen=True, slots=True)
class _Lease:
    pid: int
    data_dir: Path
    descriptor: int


_leases: dict[Path, _Lease] = {}


def address(data_dir: Path) -> Address:
    """The server's address, known before it runs. The kernel refuses long socket paths, so the folder's name is short."""
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
    base = Path("/tmp")  # noqa: S108 - the folder in it is private, and its owner is checked
    if not (base.is_dir() and os.access(base, os.W_OK)):
        base = Path(tempfile.gettempdir())
    return Address(base / f"clustr-{name}", PORT)


def join(data_dir: Path, *, password: str) -> Address:
    """Use the data folder's server until `leave()`, starting it if need be. `password`: the superuser's, when made."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    with _deciding(data_dir):
        lease = _leases.get(data_dir)
        if lease is None or lease.pid != os.getpid():
            descriptor = os.open(data_dir / "postgres.leases", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            _leases[data_dir] = _Lease(os.getpid(), data_dir, descriptor)
            if multiprocessing.parent_process() is not None:
                Finalize(None, leave, exitpriority=-100)  # such a process ends without atexit
        _server(data_dir).start(password)
    return address(data_dir)


def ensure_running(data_dir: Path, *, password: str) -> bool:
    """For the supervisor: start the server again if it died; True if it had to be."""
    if _server(data_dir.resolve()).ready():
        return False
    join(data_dir, password=password)
    return True


def leave() -> None:
    """Give up this process's use of every server it joined; the last one out stops it. Also done at exit."""
    for data_dir in [lease.data_dir for lease in _leases.values() if lease.pid == os.getpid()]:
        leave_one(data_dir)


def leave_one(data_dir: Path) -> None:
    """Give up this process's use of one data folder's server; harmless if it has none."""
    lease = _leases.get(data_dir.resolve())
    if lease is None or lease.pid != os.getpid():
        return
    with _deciding(lease.data_dir):
        del _leases[lease.data_dir]
        os.close(lease.descriptor)
        descriptor = os.open(lease.data_dir / "postgres.leases", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        finally:
            os.close(descriptor)
        _server(lease.data_dir).stop()


def status(data_dir: Path) -> Status:
    """Whether the data folder's server runs, and where."""
    server = _server(data_dir.resolve())
    process = server.running()
    return Status(
        running=server.ready(),
        pid=process.pid if process else None,
        address=address(data_dir),
        data=server.data,
        log=server.log,
    )


@contextlib.contextmanager
def _deciding(data_dir: Path) -> Iterator[None]:
    """Alone among all processes while deciding about the server."""
    descriptor = os.open(data_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _server(data_dir: Path) -> Server:
    return Server(data=data_dir / "postgres", sockets=address(data_dir).host, log=data_dir / "postgres.log")


atexit.register(leave)
