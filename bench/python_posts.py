"""A process that posts single transfers through `ledger.commands.post` from several threads, and counts them.

Run by `bench.processes.crowd` as `python -m bench.python_posts DATABASE ESTATE MEMBERS THREADS SECONDS LANE`.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from bench import databases  # noqa: E402 - Django must be set up first
from bench.estates import CURRENCY, Estate  # noqa: E402
from bench.floors import entry  # noqa: E402
from clustr.kit import clock  # noqa: E402
from clustr.kit.tenancy import tenant  # noqa: E402
from clustr.ledger import commands as ledger  # noqa: E402
from clustr.ledger.types import AccountKind  # noqa: E402


def main(database: str, number: str, members: str, threads: str, seconds: str, lane: str) -> None:
    del lane
    databases.use(database)
    estate, counts = Estate(int(number), int(members)), [0] * int(threads)
    with tenant(estate.cluster_id):
        hot = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=CURRENCY)

    def post() -> None:
        wallet = estate.wallet_id(random.randint(1, estate.members))
        with tenant(estate.cluster_id):
            ledger.post(entries=[entry(wallet, hot)], at=clock.now())

    def work(thread: int, until: float) -> None:
        while time.perf_counter() < until:
            post()
            counts[thread] += 1

    post()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    running = [threading.Thread(target=work, args=(each, began + float(seconds))) for each in range(len(counts))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(sum(counts), time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
