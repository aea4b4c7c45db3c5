"""django-hordak by itself, for comparison: run by `bench.beside` with an environment of its own, never part of ClustR.

python hordak_project.py setup ACCOUNTS              make its tables and this many wallets and one hot account
python hordak_project.py work ACCOUNTS THREADS SECONDS LANE    single transfers by its Python API, counted
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["HORDAK_HOST"],
            "NAME": os.environ["HORDAK_DATABASE"],
            "USER": os.environ["HORDAK_USER"],
            "PASSWORD": os.environ["HORDAK_PASSWORD"],
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "djmoney", "hordak"],
    DEFAULT_CURRENCY="NGN",
    CURRENCIES=["NGN"],
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django must be set up first
from django.db import connection, transaction  # noqa: E402
from hordak.models import Account, Leg, Transaction  # type: ignore[import-not-found]  # noqa: E402
from moneyed import Money  # type: ignore[import-not-found]  # noqa: E402

_ACCOUNTS = """
INSERT INTO hordak_account (uuid, name, type, is_bank_account, currencies, lft, rght, tree_id, level)
SELECT gen_random_uuid(), 'Wallet ' || i, 'LI', false, '["NGN"]', 1, 2, i + 1, 0 FROM generate_series(0, %s) AS i
"""


def setup(accounts: str) -> None:
    """Account 1 is the hot one; the wallets follow."""
    call_command("migrate", verbosity=0, interactive=False)
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, [int(accounts)])
        cursor.execute("VACUUM ANALYZE")


def work(accounts: str, threads: str, seconds: str, lane: str) -> None:
    """Transfers from random wallets to the hot account, each in a transaction of its own: `Account.transfer_to`."""
    del lane
    counts = [0] * int(threads)
    everybody = {account.pk: account for account in Account.objects.all()}
    hot = everybody[1]

    def transfer() -> None:
        everybody[random.randint(2, int(accounts) + 1)].transfer_to(hot, Money(1, "NGN"))

    def run(thread: int, until: float) -> None:
        while time.perf_counter() < until:
            transfer()
            counts[thread] += 1
        connection.close()

    transfer()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    running = [threading.Thread(target=run, args=(each, began + float(seconds))) for each in range(len(counts))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    took = time.perf_counter() - began
    with transaction.atomic():
        assert Leg.objects.count() == 2 * Transaction.objects.count()
    print(sum(counts), took, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "setup":
        setup(*sys.argv[2:])
    else:
        work(*sys.argv[2:])
