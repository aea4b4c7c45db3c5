"""The embedded PostgreSQL: started by the first, shared, stopped by the last, and brought back after any crash."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings

from clustr.kit import embedded, embedded_programs, embedded_server

PASSWORD = "only-for-tests"
_USE = """
import sys
from pathlib import Path
from clustr.kit import embedded
embedded.join(Path(sys.argv[1]), password=sys.argv[2])
print("joined", flush=True)
sys.stdin.readline()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes accounts")


class User:
    """Another process that joins the server and leaves when told."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USE, str(data_dir), PASSWORD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.PROJECT_ROOT,
        )

    def joined(self) -> User:
        assert self.process.stdout
        assert self.process.stdout.readline() == "joined\n"
        return self

    def leave(self) -> None:
        self.process.communicate("\n", timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    yield path
    embedded_server.Server(path / "postgres", embedded.address(path).host, path / "postgres.log").stop()
    shutil.rmtree(embedded.address(path).host, ignore_errors=True)


@contextlib.contextmanager
def connected(data_dir: Path, password: str = PASSWORD) -> Iterator[psycopg.Connection]:
    where = embedded.address(data_dir)
    with psycopg.connect(
        host=str(where.host),
        port=where.port,
        user=embedded.SUPERUSER,
        password=password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        yield connection


def kill_server(data_dir: Path) -> None:
    os.kill(embedded.status(data_dir).pid or 0, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while embedded.status(data_dir).running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def starts(data_dir: Path) -> int:
    return (data_dir / "postgres.log").read_text().count("starting PostgreSQL")


def test_it_works(data_dir: Path) -> None:
    user = User(data_dir).joined()
    with connected(data_dir) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses")
        }
        assert shown == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "listen_addresses": "",
        }
    assert embedded.status(data_dir).running
    user.leave()
    assert not embedded.status(data_dir).running
    assert not embedded.address(data_dir).host.exists()


def test_the_last_to_leave_stops_it(data_dir: Path) -> None:
    first, second = User(data_dir).joined(), User(data_dir).joined()
    pid = embedded.status(data_dir).pid
    first.leave()
    assert embedded.status(data_dir).pid == pid
    second.leave()
    assert not embedded.status(data_dir).running


def test_several_starting_at_once_share_one_server(data_dir: Path) -> None:
    users = [User(data_dir) for _ in range(4)]
    for user in users:
        user.joined()
    assert starts(data_dir) == 1
    for user in users:
        user.leave()
    assert not embedded.status(data_dir).running


def test_leaving_and_joining_at_once_never_breaks_a_user(data_dir: Path) -> None:
    for _ in range(3):
        leaving = User(data_dir).joined()
        assert leaving.process.stdin
        leaving.process.stdin.write("\n")
        leaving.process.stdin.flush()
        joining = User(data_dir).joined()
        with connected(data_dir) as connection:
            connection.execute("SELECT 1")
        joining.leave()
        leaving.process.wait(60)


def test_a_killed_server_is_started_again_with_everything_committed(data_dir: Path) -> None:
    user = User(data_dir).joined()
    with connected(data_dir) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_server(data_dir)  # its zombie, whose parent lives, does not count as running
    assert embedded.ensure_running(data_dir, password=PASSWORD)
    assert not embedded.ensure_running(data_dir, password=PASSWORD)
    with connected(data_dir) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    user.kill()
    embedded.leave_one(data_dir)
    assert not embedded.status(data_dir).running


def test_backends_that_outlive_the_server_are_ended_before_another_starts(data_dir: Path) -> None:
    user = User(data_dir).joined()
    with connected(data_dir) as connection:
        orphan = psutil.Process(connection.info.backend_pid)
        orphan.suspend()
        kill_server(data_dir)
        assert embedded.ensure_running(data_dir, password=PASSWORD)
        assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    user.kill()
    embedded.leave_one(data_dir)


def test_a_killed_user_holds_nothing(data_dir: Path) -> None:
    killed, other = User(data_dir).joined(), User(data_dir).joined()
    killed.kill()
    assert embedded.status(data_dir).running
    other.leave()
    assert not embedded.status(data_dir).running


def test_all_users_killed_the_next_one_takes_over_and_stops(data_dir: Path) -> None:
    User(data_dir).joined().kill()
    pid = embedded.status(data_dir).pid
    assert pid
    User(data_dir).joined().leave()
    assert starts(data_dir) == 1
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_stale_pid_file_naming_a_living_stranger_does_not_matter(data_dir: Path) -> None:
    User(data_dir).joined().leave()
    stale = data_dir / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{data_dir}/postgres\n1\n5432\n/tmp\n\n  1 1\nready\n")
    assert not embedded.status(data_dir).running
    user = User(data_dir).joined()
    assert embedded.status(data_dir).running
    user.leave()


def test_a_crash_while_the_folder_was_made_leaves_nothing_behind(data_dir: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    User(data_dir).joined().leave()
    assert not half.exists()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 25) / ("longer" * 20)
    user = User(data_dir).joined()
    assert len(str(embedded.address(data_dir).host)) < 60
    user.leave()


def test_no_folder_is_opened_to_others(tmp_path: Path) -> None:
    """Neither the parents nor the data: everything runs below a folder only its owner may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    data_dir = closed / "data"
    data_dir.mkdir(mode=0o700)
    before = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (data_dir, *data_dir.parents)}
    user = User(data_dir).joined()
    assert before == {folder: stat.S_IMODE(folder.stat().st_mode) for folder in before}
    for private in (data_dir / "postgres", embedded.address(data_dir).host):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    for kept in ("postgres.log", "postgres.leases", "postgres.lock"):
        assert stat.S_IMODE((data_dir / kept).stat().st_mode) == 0o600
    user.leave()


def test_a_wrong_password_opens_nothing(data_dir: Path) -> None:
    user = User(data_dir).joined()
    with pytest.raises(psycopg.OperationalError), connected(data_dir, password="guess"):
        pass
    user.leave()


def test_a_socket_folder_of_somebody_else_is_refused(data_dir: Path) -> None:
    where = embedded.address(data_dir).host
    where.symlink_to(data_dir.parent)
    try:
        with pytest.raises(embedded.EmbeddedServerFailed, match="belongs to somebody else"):
            embedded.join(data_dir, password=PASSWORD)
    finally:
        where.unlink()
        embedded.leave_one(data_dir)


@as_root
def test_root_runs_it_under_an_account_of_its_own(data_dir: Path) -> None:
    user = User(data_dir).joined()
    server = psutil.Process(embedded.status(data_dir).pid)
    assert server.uids().effective == embedded_server.ACCOUNT
    assert (data_dir / "postgres").stat().st_uid == embedded_server.ACCOUNT
    user.leave()


@as_root
def test_programs_out_of_reach_are_copied_not_opened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    installed = embedded_programs.binary("postgres").resolve().parents[2]
    package = closed / installed.name
    shutil.copytree(installed, package, symlinks=True, ignore=shutil.ignore_patterns("pginstall", "include"))
    shutil.copytree(embedded_programs._libraries(installed), embedded_programs._libraries(package), symlinks=True)
    with (package / "pginstall18" / "bin" / "postgres").open("ab") as program:
        program.write(b"this one's own")
    closed.chmod(0o700)
    assert not embedded_programs._reachable(package)
    copy = embedded_programs._reachable_copy(package)
    try:
        assert embedded_programs._reachable(copy)
        run = embedded_programs.run_as(embedded_server.ACCOUNT, copy)
        said = subprocess.check_output([copy / "pginstall18" / "bin" / "psql", "--version"], **run)
        assert said.startswith(b"psql (PostgreSQL) 18")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(copy.parent)


def test_it_listens_on_no_network(data_dir: Path) -> None:
    user = User(data_dir).joined()
    listening = [
        connection
        for process in psutil.process_iter()
        if process.pid == embedded.status(data_dir).pid
        for connection in process.net_connections(kind="inet")
    ]
    assert listening == []
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(embedded.address(data_dir).host / ".s.PGSQL.5432"))
    user.leave()


def test_a_terminated_user_leaves_in_good_order(data_dir: Path) -> None:
    """manage.py turns SIGTERM into an ordinary exit."""
    environment = {**os.environ, "CLUSTR_DATA_DIR": str(data_dir), "DJANGO_SETTINGS_MODULE": "clustr.settings"}
    shell = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", "import time; print('up', flush=True); time.sleep(60)"],
        cwd=settings.PROJECT_ROOT,
        env={name: value for name, value in environment.items() if name != "DATABASE_URL"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout
    while (line := shell.stdout.readline()) != "up\n":
        assert line
    shell.terminate()
    shell.communicate()
    deadline = time.monotonic() + 10
    while embedded.status(data_dir).running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not embedded.status(data_dir).running
