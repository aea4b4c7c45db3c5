"""The way not taken: an estate-wide bill as a row for each member. Prints seconds, rows, bytes and memory as JSON.

Run as `python -m bench.row_per_member DATABASE ESTATE MEMBERS python|sql`, in a process of its own so that its peak
memory is its own. The table is as small as such a table can be: one key, no further index.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
django.setup()

from django.db import connections, models, transaction  # noqa: E402 - Django must be set up first

from bench import databases  # noqa: E402
from bench.estates import Estate, owner_of  # noqa: E402
from bench.machine import forget_peak, memory_mib  # noqa: E402
from clustr.kit import clock  # noqa: E402
from clustr.kit.ids import new_id  # noqa: E402

_TABLE = """
DROP TABLE IF EXISTS bench_row_per_member;
CREATE TABLE bench_row_per_member (
  bill_id uuid, user_id uuid, amount_minor bigint NOT NULL, currency varchar(3) NOT NULL, status text NOT NULL,
  due_date timestamptz NOT NULL, issued_at timestamptz NOT NULL, PRIMARY KEY (bill_id, user_id))
"""


class Row(models.Model):
    """What one member owes on one bill, as a stored row."""

    pk = models.CompositePrimaryKey("bill_id", "user_id")
    bill_id = models.UUIDField()
    user_id = models.UUIDField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.TextField()
    due_date = models.DateTimeField()
    issued_at = models.DateTimeField()

    class Meta:
        app_label = "bench"
        db_table = "bench_row_per_member"
        managed = False

    def __str__(self) -> str:
        return f"{self.bill_id} {self.user_id}"


def _through_the_orm(estate: Estate) -> int:
    now, bill = clock.now(), new_id()
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(estate.cluster_id)])
        cursor.execute(
            "SELECT user_id FROM clusters_membership WHERE cluster_id = %s AND role = 'resident' AND left_at IS NULL",
            [estate.cluster_id],
        )
        rows = [
            Row(
                bill_id=bill,
                user_id=user_id,
                amount_minor=500_000,
                currency="NGN",
                status="pending_acknowledgment",
                due_date=now + timedelta(days=30),
                issued_at=now,
            )
            for (user_id,) in cursor.fetchall()
        ]
        Row._default_manager.using("owner").bulk_create(rows, batch_size=5_000)
    return len(rows)


def _by_one_statement(estate: Estate) -> int:
    now = clock.now()
    with owner_of(estate) as cursor:
        cursor.execute(
            "INSERT INTO bench_row_per_member SELECT %s, user_id, 500000, 'NGN', 'pending_acknowledgment', %s, %s"
            " FROM clusters_membership WHERE cluster_id = %s AND role = 'resident' AND left_at IS NULL",
            [new_id(), now + timedelta(days=30), now, estate.cluster_id],
        )
        return int(cursor.rowcount)


def main(database: str, number: str, members: str, way: str) -> None:
    databases.use(database)
    estate = Estate(int(number), int(members))
    with connections["owner"].cursor() as cursor:
        cursor.execute(_TABLE)
    forget_peak(os.getpid())
    before, began = memory_mib(os.getpid()), time.perf_counter()
    rows = _through_the_orm(estate) if way == "python" else _by_one_statement(estate)
    seconds = time.perf_counter() - began
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('bench_row_per_member')")
        (size,) = cursor.fetchone()
        cursor.execute("DROP TABLE bench_row_per_member")
    peak = memory_mib(os.getpid(), peak=True)
    print(json.dumps({"seconds": seconds, "rows": rows, "bytes": size, "memory_mib": peak - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
