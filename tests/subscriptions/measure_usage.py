"""How fast usage is counted in batches, and what a month's report costs: `python -m pytest tests/subscriptions/measure_usage.py -s`.

No test: it asserts nothing about time. EVENTS in the environment says how many events; 100,000 unless told.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal

from clustr.subscriptions import commands
from clustr.subscriptions.types import FeatureType, UsageEvent
from clustr.subscriptions.usage_queries import generate_usage_report
from tests.subscriptions.shop import Shop

BATCH = 5_000


def test_measure(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    wanted, spent, reports = int(os.environ.get("EVENTS", "100000")), 0.0, []
    for first in range(0, wanted, BATCH):
        events = [
            UsageEvent(FeatureType.CHAT_MESSAGES, Decimal(1), f"event-{first + n}", shop.now, {}) for n in range(BATCH)
        ]
        began = time.perf_counter()
        commands.record_usage(actor=shop.bola, subscription_id=subscription.id, events=events, now=shop.now)
        spent += time.perf_counter() - began
        if (first // BATCH) % 5 == 4:
            since = subscription.current_period_start
            subscription = shop.end_period(subscription)
            began = time.perf_counter()
            report = generate_usage_report(
                actor=shop.bola,
                subscription_id=subscription.id,
                since=since,
                until=subscription.current_period_start,
            )
            assert sum(row.events for row in report) == 5 * BATCH
            reports.append(time.perf_counter() - began)
    print(f"\n{wanted:,} events: {wanted / spent:,.0f} a second; reports {[f'{r * 1000:.0f} ms' for r in reports]}")  # noqa: T201
