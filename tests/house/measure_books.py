"""How long the books take to prove at size: `python -m tests.house.measure_books --transfers 1000000`.

Makes one estate whose members paid bills all through last year, pays a few hundred bills just now through the product,
and examines every invariant: for the last ten minutes, and whole. It runs a server of its own, in a temporary folder:
its long transactions would hold the tests' horizons back.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import timedelta
from uuid import UUID

import django

MEMBERS = 5_000

_PAST = """
CREATE TEMPORARY TABLE past AS
  SELECT overlay(overlay(encode(substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3), 'hex')
           || substr(md5(n::text), 1, 20) PLACING '7' FROM 13) PLACING 'a' FROM 17)::uuid AS id, at, member, bill, n
  FROM (SELECT n, now() - interval '1 year' + interval '360 days' * (n::float8 / %(transfers)s) AS at,
               n %% %(members)s AS member, n / %(members)s AS bill FROM generate_series(0, %(transfers)s - 1) AS n) AS made;
ALTER TABLE past ADD user_id uuid, ADD wallet uuid, ADD bill_id uuid;
UPDATE past SET user_id = (%(users)s::uuid[])[member + 1], wallet = (%(wallets)s::uuid[])[member + 1],
  bill_id = (%(bills)s::uuid[])[bill + 1];
INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider, user_id,
    purpose, subject_id, description, created_at, completed_at)
  SELECT %(cluster)s, id, n::text, 'bill_payment', 'completed', 100, 'NGN', 'wallet', user_id, 'bill', bill_id, 'Past',
    at, at FROM past;
INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)
  SELECT %(cluster)s, id, bill_id, user_id, 1, b.terms_digest, at FROM past
  JOIN (SELECT id AS bill_id, terms_digest FROM bills_bill) AS b USING (bill_id);
INSERT INTO bills_memberbill (cluster_id, bill_id, user_id, paid_minor) SELECT %(cluster)s, bill_id, user_id, 100 FROM past;
INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
  SELECT %(cluster)s, id, bill_id, user_id, 1, 100, 1, at FROM past;
INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, label, journal, at)
  SELECT %(cluster)s, id, wallet, %(into)s, 100, 'bill_payment', 'service_charge', id, at FROM past;
CREATE TEMPORARY TABLE deposit AS
  SELECT gen_random_uuid() AS id, min(at) - interval '2 days' AS at, wallet, user_id, count(*) * 100 AS amount
  FROM past GROUP BY wallet, user_id;
INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider, user_id,
    purpose, description, created_at, completed_at)
  SELECT %(cluster)s, id, 'D' || id, 'deposit', 'completed', amount, 'NGN', 'cash', user_id, 'wallet', 'Past', at, at
  FROM deposit;
INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, journal, at)
  SELECT %(cluster)s, id, %(from)s, wallet, amount, 'offline_receipt', id, at FROM deposit;
INSERT INTO audit_event (cluster_id, id, at, action, subject_kind, subject_id, journal)
  SELECT %(cluster)s, id, at, 'wallets.offline_payment_recorded', 'transaction', id, id FROM deposit;
INSERT INTO audit_event (cluster_id, id, at, action, subject_kind, subject_id, journal)
  SELECT %(cluster)s, id, at, 'bills.paid', 'bill', bill_id, id FROM past
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--transfers", type=int, default=1_000_000)
    arguments.add_argument("--payments", type=int, default=300, help="made just now")
    asked = arguments.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CLUSTR_TEST_DATA_DIR"] = folder
        django.setup()
        from tests.databases import cloned_database

        with cloned_database():
            _measure(asked.transfers, asked.payments)


def _measure(transfers: int, payments: int) -> None:
    from clustr.bills.tasks import close_tallies_of
    from clustr.kit import clock
    from clustr.kit.invariants import examine
    from clustr.wallets.tasks import close_books

    cluster_id = _make(transfers, payments)
    for name, since in (("the last 10 minutes", clock.now() - timedelta(minutes=10)), ("everything", None)):
        for when in ("before closing", "closed"):
            if when == "closed":
                close_books(timestamp=0)
                close_tallies_of(cluster_id)
            began, each = time.perf_counter(), dict[str, float]()
            for found in examine(since=since):
                assert not found.rows, found
                each[found.invariant.name] = time.perf_counter() - began - sum(each.values())
            slowest = ", ".join(f"{key} {each[key]:.3f}" for key in sorted(each, key=lambda key: -each[key])[:4])
            took = time.perf_counter() - began
            print(f"{name}, {when}: {len(each)} invariants in {took:.3f} s ({slowest})", flush=True)  # noqa: T201


def _make(transfers: int, payments: int) -> UUID:
    from django.db import connections, transaction

    from clustr.bills import commands as bills
    from clustr.clusters.types import Role
    from clustr.kit.tenancy import tenant
    from clustr.ledger import commands as ledger
    from clustr.ledger.types import AccountKind
    from clustr.wallets import commands as wallets
    from tests.cast import Part, make_cast
    from tests.money import acknowledge, fund, issue, no_pin

    cast = make_cast(residents=1)
    began = time.perf_counter()
    residents = cast.add(cast.palm_grove, *(Part(f"Resident {n}", Role.RESIDENT) for n in range(MEMBERS)))
    issued = [issue(cast, "1.00") for _ in range(transfers // MEMBERS + 1)]
    with tenant(cast.cluster_id):
        wallet_of = wallets.open_wallets(user_ids=[one.user_id for one in residents], currency="NGN", now=cast.now)
        values = {
            "cluster": cast.cluster_id,
            "transfers": transfers,
            "members": MEMBERS,
            "users": [one.user_id for one in residents],
            "wallets": [wallet_of[one.user_id] for one in residents],
            "bills": [bill.id for bill in issued],
            "into": ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN"),
            "from": ledger.open_account(kind=AccountKind.RECEIVED_CASH, currency="NGN"),
        }
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        for statement in _PAST.split(";\n"):
            cursor.execute(statement, values)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    for resident in residents[:payments]:
        fund(cast, resident, "1.00")
        acknowledge(cast, resident, issued[-1])
        bills.pay_bill(
            actor=resident.actor, bill_id=issued[-1].id, amount=None, authorization=no_pin(resident), now=cast.now
        )
    took = time.perf_counter() - began
    print(f"{transfers:,} payments of last year, {payments} of now, made in {took:.0f} s", flush=True)  # noqa: T201
    return cast.cluster_id


if __name__ == "__main__":
    main()
