"""Payments under fire: `python -m tests.crash.storm --kills 200`.

Starts the real server (`serve`) on a data folder and port of its own, lets several residents pay over HTTP, each payment
with an Idempotency-Key, and kills -9 at random: PostgreSQL whole, one of its connections, a web process, the web server,
the worker, or everything at once. Whoever gets no answer asks again with the same key until there is one. After every kill:

- each acknowledged payment stands, exactly once and under the id that was acknowledged;
- nothing else stands: no refused payment, none that nobody was told of;
- the books are proved, and at every tenth kill the chain of the trail against its anchors.

Ends with status 1 and says what is wrong otherwise. Amounts are unique to a payer, so that payments can be told apart.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import django

from tests.crash.payers import Payer, sign_in
from tests.crash.serving import KINDS, Serving

PAYERS = 6
BILLS = 3
RECENT = timedelta(minutes=10)
WEIGHTS = [kind.weight for kind in KINDS.values()]
WHOLE_EVERY = 10
"""The whole books are proved at every so many kills and at the end; what was touched lately, at every kill."""


class Wrong(AssertionError):
    """What must hold does not."""


@dataclass
class Figures:
    """What happened."""

    kills: Counter[str] = field(default_factory=Counter)
    silent_seconds: list[float] = field(default_factory=list)


def main() -> None:
    asking = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asking.add_argument("--kills", type=int, default=20)
    asking.add_argument("--seed", type=int, default=None)
    asking.add_argument("--kinds", help="kill these in this order, comma-separated, instead of at random")
    asked = asking.parse_args()
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    with tempfile.TemporaryDirectory(prefix="clustr-storm-") as folder:
        serving = Serving(Path(folder) / "data")
        _settings_of(serving)
        try:
            serving.start()
            dice = random.Random(seed)
            kinds = asked.kinds.split(",") if asked.kinds else dice.choices(list(KINDS), WEIGHTS, k=asked.kills)
            _storm(serving, kinds, dice, f"seed {seed}")
        except BaseException:
            say(f"seed {seed}; the server's last words:\n{serving.said()[-3000:]}")
            raise
        finally:
            serving.end()


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _settings_of(serving: Serving) -> None:
    """This process looks into the same database, as the checker."""
    os.environ.update(serving.environment)
    for name in serving.unset:
        os.environ.pop(name, None)
    django.setup()


def _storm(serving: Serving, kinds: list[str], dice: random.Random, seed: str) -> None:
    began = time.monotonic()
    payers = _prepare(serving)
    figures = Figures()
    for payer in payers:
        payer.start()
    try:
        for number, kind in enumerate(kinds, 1):
            for payer in payers:
                payer.go_on()
            time.sleep(dice.uniform(0.2, 1.2))
            killed_at = time.monotonic()
            KINDS[kind].kill(serving, dice)
            figures.kills[kind] += 1
            serving.ensure_started()
            _wait_for_answers(payers, serving, killed_at)
            figures.silent_seconds.append(time.monotonic() - killed_at)
            for payer in payers:
                payer.pause()
            prove(payers, whole=number % WHOLE_EVERY == 0 or number == len(kinds))
            if number % WHOLE_EVERY == 0:
                say(f"{number} kills: {sum(len(payer.paid) for payer in payers)} payments stand, nothing else")
    finally:
        for payer in payers:
            payer.stop()
    _report(payers, figures, seed, time.monotonic() - began)


def _wait_for_answers(payers: list[Payer], serving: Serving, killed_at: float) -> None:
    """Until every payer got an answer to something it asked after the kill."""
    deadline = time.monotonic() + 120
    while any(payer.heard_at < killed_at for payer in payers):
        if time.monotonic() > deadline:
            raise Wrong(f"no answer for two minutes: {[payer.last_trouble for payer in payers]}")
        for payer in payers:
            if payer.failed:
                raise payer.failed
        serving.ensure_started()
        time.sleep(0.02)


def prove(payers: list[Payer], *, whole: bool) -> None:
    """All that was acknowledged, once, and nothing else; and the books."""
    from django.db import connections

    from clustr.audit.verifying import verify
    from clustr.kit import clock
    from clustr.kit.invariants import violations

    connections["checker"].close()
    with connections["checker"].cursor() as cursor:
        cursor.execute(
            "SELECT user_id, amount_minor, id FROM payments_transaction WHERE purpose = 'bill' AND user_id = ANY(%s)",
            [[payer.user_id for payer in payers]],
        )
        rows: list[tuple[UUID, int, UUID]] = cursor.fetchall()
    standing = Counter((user, amount) for user, amount, _ in rows)
    twice = [row for row, times in standing.items() if times > 1]
    expected = {(payer.user_id, minor, made) for payer in payers for minor, made in payer.paid.items()}
    lost = expected - set(rows)
    extra = set(rows) - expected
    refused = {(payer.user_id, minor) for payer in payers for minor in payer.refused} & standing.keys()
    if twice or lost or extra or refused:
        raise Wrong(f"paid twice: {twice}; lost: {lost}; acknowledged to nobody: {extra}; refused, yet paid: {refused}")
    if whole and (wrong := verify().findings):
        raise Wrong(f"the chain of the trail does not hold: {wrong}")
    since = None if whole else clock.now() - RECENT
    broken = [(found.invariant.name, found.rows) for found in violations(since=since)]
    if broken:
        raise Wrong(f"the books do not hold: {broken}")


def _prepare(serving: Serving) -> list[Payer]:
    """Residents with money and acknowledged bills, each with a client of their own."""
    ada = sign_in(serving.port, "ada@palmgrove.test")
    due = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 20 * 86_400))
    office = "/management/payments/"
    new = {"title": "Service charge", "amount": "900000000.00", "type": "service_charge", "due_date": due}
    issued = [ada.must("POST", f"{office}create_bill/", new)["id"] for _ in range(BILLS)]
    members = ada.must("GET", f"{office}users/?limit=50")["results"]
    residents = [member for member in members if member["role"] == "resident"][:PAYERS]
    payers = []
    for resident in residents:
        sent: dict[str, Any] = {"user_id": resident["user_id"], "amount": "900000000.00", "method": "cash"}
        ada.must("POST", f"{office}record_offline_payment/", sent | {"reference": resident["user_id"]})
        client = sign_in(serving.port, resident["email"])
        for bill in issued:
            client.must("POST", "/members/bills/acknowledge_bill/", {"bill_id": bill})
        payers.append(Payer(client, UUID(resident["user_id"]), issued))
    return payers


def _report(payers: list[Payer], figures: Figures, seed: str, seconds: float) -> None:
    total = Counter[str]()
    for payer in payers:
        total.update(payer.count)
    kinds = ", ".join(f"{kind} {times}" for kind, times in figures.kills.most_common())
    silent = figures.silent_seconds
    say(f"{sum(figures.kills.values())} kills ({kinds}) in {seconds:.0f} s; {seed}; {len(payers)} payers")
    say(
        f"{total['paid']} payments acknowledged, {total['refused']} refused; {total['in_doubt']} left without an answer,"
        f" of which {total['stood']} stood already and {total['in_doubt'] - total['stood']} did not"
    )
    say(f"seconds from a kill until every payer had an answer: median {median(silent):.1f}, most {max(silent):.1f}")
    say("lost 0, doubled 0, unacknowledged 0, books proved")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
