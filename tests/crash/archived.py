"""A server that archives its log, base backups of it, and what the log says: for the restore drill."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UNSET = ("DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SWEEP_URL", "DATABASE_CHECKER_URL", "CLUSTR_BASE_URL")
SETTINGS = {
    "CLUSTR_ENV": "demo",
    "DJANGO_SETTINGS_MODULE": "clustr.settings",
    "DATABASE_ROLE_PREFIX": "clustr",
    "CLUSTR_LOG_LEVEL": "ERROR",
}
_COMMIT = re.compile(r"tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: COMMIT ([0-9-]+ [0-9:.]+) UTC", re.ASCII)


class Wrong(AssertionError):
    """What must hold does not."""


@dataclass
class Place:
    """The folders of a drill: the server that is lost, its archive, its backup, and where it is restored."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.chmod(0o711)  # PostgreSQL's account goes through, from its data to the archive
        self.original.mkdir()
        self.archive.mkdir()

    @property
    def original(self) -> Path:
        return self.folder / "original"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def restored(self) -> Path:
        return self.folder / "restored"

    @property
    def anchors(self) -> Path:
        return self.folder / "anchors"

    @property
    def erasures(self) -> Path:
        return self.folder / "erasures.jsonl"


def environment(data_dir: Path, anchors: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, **SETTINGS, "CLUSTR_DATA_DIR": str(data_dir), "AUDIT_ANCHOR_DIR": str(anchors)}


def start_with_archive(place: Place) -> None:
    """The server of a new data folder, prepared, archiving from its second start on."""
    from clustr.kit import database, embedded

    database.join()
    owner = (place.original / "postgres").stat()
    os.chown(place.archive, owner.st_uid, owner.st_gid)
    with superuser() as server:
        server.execute("ALTER SYSTEM SET archive_mode = on")
        server.execute(
            "ALTER SYSTEM SET archive_command ="
            " 'cp %p ../../archive/.copying && sync ../../archive/.copying && mv ../../archive/.copying ../../archive/%f'"
        )
    embedded.leave()  # archiving begins with a start
    database.prepare(progress=lambda _line: None)


def back_up(place: Place) -> None:
    from django.conf import settings

    from clustr.kit import embedded

    place.restored.mkdir()
    address = embedded.address(place.original)
    run(
        [
            *(embedded.binary("pg_basebackup"), "-h", address.host, "-p", address.port, "-U", embedded.SUPERUSER, "-w"),
            *("-D", place.restored / "postgres", "--checkpoint=fast", "--wal-method=none"),
        ],
        PGPASSWORD=settings.ENV.role_password(embedded.SUPERUSER),
    )


def archive_all(place: Place) -> int:
    """Wait until everything up to now is in the archive; answers where that is."""
    with superuser() as server:
        name, end = server.execute(
            "SELECT pg_walfile_name(e), e - '0/0' FROM pg_current_wal_insert_lsn() AS e"
        ).fetchone()
        server.execute("SELECT pg_switch_wal()")
    deadline = time.monotonic() + 60
    while not (place.archive / name).exists():
        if time.monotonic() > deadline:
            raise Wrong(f"{name} was not archived")
        time.sleep(0.05)
    return int(end)


def lay_out(place: Place, point: int) -> None:
    """The backup as a data folder that will recover from the archive up to the point, with the secrets kept apart."""
    shutil.copy(place.original / "secrets.json", place.restored)
    shutil.copytree(place.anchors, place.restored / "anchors")
    data = place.restored / "postgres"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            "archive_mode = off\n"
            "restore_command = 'cp ../../archive/%f %p'\n"
            f"recovery_target_lsn = '{lsn(point)}'\n"
            "recovery_target_inclusive = off\n"
            "recovery_target_action = promote\n"
            "hot_standby = off\n"  # nobody is let in before the point is reached
        )
    (data / "recovery.signal").touch()


def commits_between(start: int, end: int, place: Place) -> list[tuple[int, int, str]]:
    """Every commit in this part of the archived log: its transaction, where it stands, and when it was."""
    from clustr.kit import embedded

    dumped = run(
        [
            *(embedded.binary("pg_waldump"), "--rmgr=Transaction", "--path", place.archive),
            *("--start", lsn(start), "--end", lsn(end)),
        ]
    )
    return [(int(xid), _number(where), at) for xid, where, at in _COMMIT.findall(dumped)]


def position() -> int:
    """Where the log stands."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _number(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def run(command: list[Any], **environment: str) -> str:
    ran = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode:
        raise Wrong(f"{Path(str(command[0])).name}: {ran.stdout}{ran.stderr}")
    return ran.stdout


@contextmanager
def superuser(name: str = "postgres") -> Iterator[Any]:
    from tests.databases import administrator

    with administrator(name) as server:
        yield server
