"""The restore drill: `bin/drill [--rounds N] [--seed N]`.

Starts a PostgreSQL of its own that archives its write-ahead log, and lets residents pay in several threads. Each round

- takes a base backup under load, goes on paying, and forgets a person on their request;
- chooses a point of the log between the backup and the last payment, at random;
- restores backup and archive up to that point into a new folder, and makes the copy ready with the commands that
  docs/operating.md names (`tests.crash.restored`);
- demands that exactly the payments committed before that point are there, each acknowledged one among them, with their
  sums, that the books and the trail's chain hold, and that who was forgotten since is forgotten again.

Which payments were committed before the point is read from the log itself, with pg_waldump. Ends with status 1 and says
what is wrong otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import django

PAYERS = 4
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


@dataclass(frozen=True)
class Acknowledged:
    """One payment, and where the log stood before it was asked for and after it was acknowledged."""

    user_id: UUID
    minor: int
    before: int
    after: int


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


@dataclass
class Payer:
    """A thread that pays one bill in parts of different amounts while it is let, and notes what was acknowledged."""

    person: Any
    bill_id: UUID
    made: dict[UUID, Acknowledged] = field(default_factory=dict)
    minor: int = 100
    failed: Exception | None = None

    def run(self, until: threading.Event) -> None:
        from tests.races import own_connections

        try:
            with own_connections():
                while not until.is_set():
                    self._pay()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            self.failed = error

    def _pay(self) -> None:
        from clustr.bills import commands as bills
        from clustr.kit import clock
        from clustr.kit.money import Money
        from tests.money import no_pin

        self.minor += 1
        before = position()
        made, _ = bills.pay_bill(
            actor=self.person.actor,
            bill_id=self.bill_id,
            amount=Money(self.minor, "NGN"),
            authorization=no_pin(self.person),
            now=clock.now(),
        )
        self.made[made.id] = Acknowledged(self.person.user_id, self.minor, before, position())


def main() -> None:
    asking = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asking.add_argument("--rounds", type=int, default=5)
    asking.add_argument("--seed", type=int, default=None)
    asking.add_argument("--seconds", type=float, default=3.0, help="of payments before, and again after, each backup")
    asked = asking.parse_args()
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    with tempfile.TemporaryDirectory(prefix="clustr-drill-") as folder:
        place = Place(Path(folder))
        _settings_of(place)
        try:
            payers = _start(place)
            dice = random.Random(seed)
            for number in range(1, asked.rounds + 1):
                _round(number, place, payers, dice, asked.seconds)
        except BaseException:
            say(f"seed {seed}")
            raise
        finally:
            from clustr.kit import embedded

            embedded.leave()
    say(
        f"{asked.rounds} rounds, seed {seed}: every payment before the point is there, none after; books and trail proved"
    )


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def environment(data_dir: Path, anchors: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, **SETTINGS, "CLUSTR_DATA_DIR": str(data_dir), "AUDIT_ANCHOR_DIR": str(anchors)}


def _settings_of(place: Place) -> None:
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ.update(environment(place.original, place.anchors))
    django.setup()


def _start(place: Place) -> list[Payer]:
    """The server with its archive, and an estate whose residents have money and a bill to pay."""
    from clustr.kit import database, embedded
    from tests.cast import make_cast
    from tests.money import acknowledge, fund, issue

    database.join()
    owner = (place.original / "postgres").stat()
    os.chown(place.archive, owner.st_uid, owner.st_gid)
    with _superuser() as server:
        server.execute("ALTER SYSTEM SET archive_mode = on")
        server.execute(
            "ALTER SYSTEM SET archive_command ="
            " 'cp %p ../../archive/.copying && sync ../../archive/.copying && mv ../../archive/.copying ../../archive/%f'"
        )
    embedded.leave()  # archiving begins with a start
    database.prepare(progress=lambda _line: None)
    cast = make_cast(residents=PAYERS)
    bill = issue(cast, "900000000.00")
    payers = [Payer(resident, bill.id) for resident in cast.residents]
    for payer in payers:
        fund(cast, payer.person, "900000000.00")
        acknowledge(cast, payer.person, bill)
    payers[0].__dict__["cast"] = cast
    return payers


def _round(number: int, place: Place, payers: list[Payer], dice: random.Random, seconds: float) -> None:
    cast = payers[0].__dict__["cast"]
    leaver = cast.add_resident(f"Leaver {number}")
    with _paying(payers):
        time.sleep(seconds)
        began = time.monotonic()
        start = position()
        _back_up(place)
        backed_up, taken = position(), time.monotonic() - began
        time.sleep(seconds)
    _forget(leaver, place)
    end = _archive_all(place)
    made = {id: paid for payer in payers for id, paid in payer.made.items()}
    point = dice.randrange(backed_up + 1, max(paid.after for paid in made.values() if paid.after > backed_up))
    expected, until = _committed_before(point, start, end, place, made)
    began = time.monotonic()
    _lay_out(place, point)
    found = _make_ready(place, leaver.user_id, until)
    ready = time.monotonic() - began
    _compare(found, expected, cast)
    shutil.rmtree(place.restored)
    after = len(made) - len(expected)
    say(
        f"round {number}: backup under load {taken:.1f} s; restored to {_lsn(point)} in {found['seconds']['recovered']:.1f} s,"
        f" ready and proved after {ready:.1f} s; {len(expected)} payments there, the {after} after it are not;"
        f" {found['blocks']} blocks of the trail, {found['anchors']} anchors"
    )


@contextmanager
def _paying(payers: list[Payer]) -> Iterator[None]:
    ended = threading.Event()
    threads = [threading.Thread(target=payer.run, args=(ended,), daemon=True) for payer in payers]
    threads.append(threading.Thread(target=_chain, args=(ended,), daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    for payer in payers:
        if payer.failed:
            raise payer.failed


def _chain(ended: threading.Event) -> None:
    """What the worker does by the clock, more often."""
    from clustr.audit import tasks
    from tests.races import own_connections

    with own_connections():
        while not ended.wait(0.2):
            tasks.close_blocks(timestamp=0)
            tasks.write_anchors(timestamp=0)


def _back_up(place: Place) -> None:
    from django.conf import settings

    from clustr.kit import embedded

    place.restored.mkdir()
    address = embedded.address(place.original)
    _run(
        [
            *(embedded.binary("pg_basebackup"), "-h", address.host, "-p", address.port, "-U", embedded.SUPERUSER, "-w"),
            *("-D", place.restored / "postgres", "--checkpoint=fast", "--wal-method=none"),
        ],
        PGPASSWORD=settings.ENV.role_password(embedded.SUPERUSER),
    )


def _forget(leaver: Any, place: Place) -> None:
    """Somebody is erased after the point: the backup still knows them."""
    from clustr.kit import clock
    from clustr.people import commands, queries

    commands.erase_person(user_id=leaver.user_id, reason="asked", by=None, now=clock.now())
    place.erasures.write_text("".join(json.dumps(erasure) + "\n" for erasure in queries.erasures()))


def _archive_all(place: Place) -> int:
    """Wait until everything up to now is in the archive; answers where that is."""
    with _superuser() as server:
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


def _committed_before(
    point: int, start: int, end: int, place: Place, made: dict[UUID, Acknowledged]
) -> tuple[dict[UUID, Acknowledged], datetime]:
    """The payments whose commit stands in the log before the point, and the instant of the last commit there."""
    with _superuser("clustr") as server:
        rows = server.execute(
            "SELECT t.id, l.xid::text FROM payments_transaction t"
            " JOIN ledger_transfer l ON l.cluster_id = t.cluster_id AND l.journal = t.id WHERE t.purpose = 'bill'"
        ).fetchall()
    written = {id: int(xid) for id, xid in rows}
    if written.keys() != made.keys():
        raise Wrong(f"not what was acknowledged: {written.keys() ^ made.keys()}")
    from clustr.kit import embedded

    dumped = _run(
        [
            *(embedded.binary("pg_waldump"), "--rmgr=Transaction", "--path", place.archive),
            *("--start", _lsn(start), "--end", _lsn(end)),
        ]
    )
    commits = [(int(xid), _number(lsn), at) for xid, lsn, at in _COMMIT.findall(dumped)]
    committed_at = {xid: lsn for xid, lsn, _ in commits}
    expected = {}
    for id, paid in made.items():
        before = committed_at.get(written[id], 0) < point  # what is not in this part of the log is older than it
        if before:
            expected[id] = paid
        if (paid.after <= point and not before) or (paid.before >= point and before):
            raise Wrong(
                f"the log contradicts what was acknowledged: {id} {paid}; point {point}, log {start} to {end}, {len(commits)} commits, {written[id]} at {committed_at.get(written[id])}"
            )
    until = max((at for _, lsn, at in commits if lsn < point), default=None)
    if until is None:
        raise Wrong("nothing was committed during the backup: no load")
    return expected, datetime.fromisoformat(f"{until}+00:00")


def _lay_out(place: Place, point: int) -> None:
    """The backup as a data folder that will recover from the archive up to the point, with the secrets kept apart."""
    shutil.copy(place.original / "secrets.json", place.restored)
    shutil.copytree(place.anchors, place.restored / "anchors")
    data = place.restored / "postgres"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(
            "archive_mode = off\n"
            "restore_command = 'cp ../../archive/%f %p'\n"
            f"recovery_target_lsn = '{_lsn(point)}'\n"
            "recovery_target_inclusive = off\n"
            "recovery_target_action = promote\n"
            "hot_standby = off\n"  # nobody is let in before the point is reached
        )
    (data / "recovery.signal").touch()


def _make_ready(place: Place, leaver: UUID, until: datetime) -> dict[str, Any]:
    """In a process of its own, as an operator would."""
    command = [sys.executable, "-m", "tests.crash.restored", str(place.erasures), str(leaver), until.isoformat()]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(place.restored, place.restored / "anchors"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ran.returncode:
        log = place.restored / "postgres.log"
        raise Wrong(
            f"the copy is not ready:\n{ran.stdout}{ran.stderr}{log.read_text()[-3000:] if log.exists() else ''}"
        )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _compare(found: dict[str, Any], expected: dict[UUID, Acknowledged], cast: Any) -> None:
    there = {(UUID(id), UUID(user), minor) for id, user, minor in found["payments"]}
    wanted = {(id, paid.user_id, paid.minor) for id, paid in expected.items()}
    if there != wanted or len(found["payments"]) != len(wanted):
        raise Wrong(f"lost: {wanted - there}; of after the point, or twice: {there - wanted}")
    paid = Counter[str]()
    for payment in expected.values():
        paid[str(payment.user_id)] += payment.minor
    if found["paid"] != dict(paid) or found["received"].get(str(cast.cluster_id), 0) != sum(paid.values()):
        raise Wrong(f"sums differ: {found['paid']}, {found['received']}; recorded {dict(paid)}")
    if not found["leaver"]["known_before"] or not found["leaver"]["erased_after"]:
        raise Wrong(f"the erasure was not done again: {found['leaver']}")


def position() -> int:
    """Where the log stands."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(cursor.fetchone()[0])


def _lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def _number(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _run(command: list[Any], **environment: str) -> str:
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
def _superuser(name: str = "postgres") -> Iterator[Any]:
    from tests.databases import administrator

    with administrator(name) as server:
        yield server


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
