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

from tests.crash.archived import (
    ROOT,
    UNSET,
    Place,
    Wrong,
    archive_all,
    back_up,
    commits_between,
    environment,
    lay_out,
    lsn,
    position,
    start_with_archive,
    superuser,
)

PAYERS = 4


@dataclass(frozen=True)
class Acknowledged:
    """One payment, and where the log stood before it was asked for and after it was acknowledged."""

    user_id: UUID
    minor: int
    before: int
    after: int


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


def _settings_of(place: Place) -> None:
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ.update(environment(place.original, place.anchors))
    django.setup()


def _start(place: Place) -> list[Payer]:
    """The server with its archive, and an estate whose residents have money and a bill to pay."""
    from tests.cast import make_cast
    from tests.money import acknowledge, fund, issue

    start_with_archive(place)
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
        back_up(place)
        backed_up, taken = position(), time.monotonic() - began
        time.sleep(seconds)
    _forget(leaver, place)
    end = archive_all(place)
    made = {id: paid for payer in payers for id, paid in payer.made.items()}
    point = dice.randrange(backed_up + 1, max(paid.after for paid in made.values() if paid.after > backed_up))
    expected, until = _committed_before(point, start, end, place, made)
    began = time.monotonic()
    lay_out(place, point)
    found = _make_ready(place, leaver.user_id, until)
    ready = time.monotonic() - began
    _compare(found, expected, cast)
    shutil.rmtree(place.restored)
    after = len(made) - len(expected)
    say(
        f"round {number}: backup under load {taken:.1f} s; restored to {lsn(point)} in {found['seconds']['recovered']:.1f} s,"
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


def _forget(leaver: Any, place: Place) -> None:
    """Somebody is erased after the point: the backup still knows them."""
    from clustr.kit import clock
    from clustr.people import commands, queries

    commands.erase_person(user_id=leaver.user_id, reason="asked", by=None, now=clock.now())
    place.erasures.write_text("".join(json.dumps(erasure) + "\n" for erasure in queries.erasures()))


def _committed_before(
    point: int, start: int, end: int, place: Place, made: dict[UUID, Acknowledged]
) -> tuple[dict[UUID, Acknowledged], datetime]:
    """The payments whose commit stands in the log before the point, and the instant of the last commit there."""
    with superuser("clustr") as server:
        rows = server.execute(
            "SELECT t.id, l.xid::text FROM payments_transaction t"
            " JOIN ledger_transfer l ON l.cluster_id = t.cluster_id AND l.journal = t.id WHERE t.purpose = 'bill'"
        ).fetchall()
    written = {id: int(xid) for id, xid in rows}
    if written.keys() != made.keys():
        raise Wrong(f"not what was acknowledged: {written.keys() ^ made.keys()}")
    commits = commits_between(start, end, place)
    committed_at = {xid: where for xid, where, _ in commits}
    expected = {}
    for id, paid in made.items():
        before = committed_at.get(written[id], 0) < point  # what is not in this part of the log is older than it
        if before:
            expected[id] = paid
        if (paid.after <= point and not before) or (paid.before >= point and before):
            at = committed_at.get(written[id])
            raise Wrong(f"the log contradicts what was acknowledged: {id} {paid}, committed at {at}; point {point}")
    until = max((at for _, where, at in commits if where < point), default=None)
    if until is None:
        raise Wrong("nothing was committed during the backup: no load")
    return expected, datetime.fromisoformat(f"{until}+00:00")


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


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
