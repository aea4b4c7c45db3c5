"""What a scrape of /metrics costs: `python -m tests.house.measure_scrape [transactions] [backlog]`, on a database of its own.

Measured beside a small one, because the cost is to grow with what waits and not with what was.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any

import django

_TRANSACTIONS = """
INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider, user_id,
  purpose, subject_id, description, created_at, completed_at)
SELECT ('00000000-0000-7000-8000-' || lpad((n %% 200)::text, 12, '0'))::uuid, gen_random_uuid(), 'R' || %(run)s || n,
  (ARRAY['deposit','bill_payment','withdrawal'])[1 + n %% 3], CASE WHEN open THEN 'unknown' ELSE 'completed' END,
  1000, 'NGN', (ARRAY['wallet','paystack','cash'])[1 + n %% 3], gen_random_uuid(), 'bill', gen_random_uuid(), '',
  now() - n * interval '1 second', CASE WHEN open THEN NULL ELSE now() END
FROM (SELECT n, n %% %(every)s = 0 AS open FROM generate_series(1, %(count)s) n) AS made
"""
_JOBS = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority)
SELECT (ARRAY['messages','upkeep'])[1 + n %% 2], 'people.send_mail', 50 FROM generate_series(1, %(count)s) n
"""
_NOTICES = """
INSERT INTO payments_notice (id, provider, digest, body, received_at, kind, reference, provider_id, next_attempt_at)
SELECT gen_random_uuid(), 'paystack', sha256(%(run)s::bytea || n::text::bytea), '', now(), 'charge', '', '', now()
FROM generate_series(1, %(count)s) n
"""
_CASES = """
INSERT INTO payments_case (cluster_id, id, kind, subject, opened_at)
SELECT ('00000000-0000-7000-8000-' || lpad((n %% 200)::text, 12, '0'))::uuid, gen_random_uuid(), 'fee_differs',
  %(run)s || n::text, now() FROM generate_series(1, %(count)s) n
"""
_TIMES = 15


def _fill(server: Any, run: str, transactions: int, under_way: int, backlog: int) -> None:
    every = max(1, transactions // under_way)
    server.execute(_TRANSACTIONS, {"run": run, "count": transactions, "every": every})
    for statement in (_JOBS, _NOTICES, _CASES):
        server.execute(statement, {"run": run, "count": backlog})
    server.execute("ANALYZE")


def _measure(what: str) -> None:
    from clustr.kit.measures import _rows, all_measures
    from clustr.web.metrics import MEASURED
    from tests.cast import anonymous

    whole = []
    for _ in range(_TIMES):
        MEASURED.forget()
        began = time.perf_counter()
        answer = anonymous().get("/metrics")
        whole.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200
    print(f"{what}: {statistics.median(whole):.0f} ms, at most {max(whole):.0f} ms, {len(answer.content):,} bytes")  # noqa: T201
    for measure in all_measures():
        times = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            _rows(measure, "checker")
            times.append((time.perf_counter() - began) * 1000)
        print(f"    {measure.name}: {statistics.median(times):.1f} ms")  # noqa: T201
    began = time.perf_counter()
    for _ in range(200):
        anonymous().get("/metrics")
    print(f"    kept answers: {(time.perf_counter() - began) * 5:.1f} ms a scrape")  # noqa: T201


def main(transactions: int = 1_000_000, backlog: int = 10_000) -> None:
    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS.append("testserver")
    from tests.databases import administrator, cloned_database

    with cloned_database(), administrator() as server:
        _fill(server, "a", 1_000, 100, 100)
        _measure("1,000 transactions, 100 under way, 100 jobs, notices, cases")
        began = time.perf_counter()
        _fill(server, "b", transactions, backlog // 10, 100)
        print(f"filled in {time.perf_counter() - began:.0f} s")  # noqa: T201
        _measure(f"{transactions:,} transactions more, {backlog // 10:,} under way")
        _fill(server, "c", 1_000, 100, backlog)
        _measure(f"and {backlog:,} jobs, notices and cases more")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main(*map(int, sys.argv[1:]))
