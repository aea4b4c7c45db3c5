"""Closing tallies asks each bill for its news only: what was counted already is not read again."""

from __future__ import annotations

from django.db import connection

from clustr.bills.tasks import _WITH_NEWS
from clustr.kit.tenancy import tenant
from tests.cast import Cast


def test_news_are_found_by_index(cast: Cast) -> None:
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + _WITH_NEWS, {"cluster": cast.cluster_id})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    looked_up = [line for line in plan.splitlines() if "Index Cond" in line and "bill_id = b.id" in line]
    assert len(looked_up) == 3, plan  # the bill's tally, payments and consents; which index, the statistics decide
    assert "Seq Scan" not in plan
