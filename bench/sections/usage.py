"""Usage of plans: counted in batches, exactly, and a month's report that costs the same however long the history is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connections

from bench import databases
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.invariants import violations
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.catalogue import read_catalogue
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.types import FeatureType, UsageEvent
from clustr.subscriptions.usage_queries import generate_usage_report

_BATCH = 5_000
_CUSTOMERS = 2
_MONTHS = 10
_READS = 5


def measure(size: Size) -> Sequence[Line]:
    """Two customers at once, month after month; each month's report is read when the month is over."""
    with databases.scratch(databases.prepared()):
        now = clock.now()
        held = [_subscribed(now) for _ in range(_CUSTOMERS)]
        batch = min(_BATCH, size.usage_events // (_CUSTOMERS * _MONTHS))
        batches = size.usage_events // (_CUSTOMERS * _MONTHS * batch)
        counting, periods = 0.0, []
        for month in range(_MONTHS):
            at = now + timedelta(days=31 * month)
            began = time.perf_counter()
            with ThreadPoolExecutor(_CUSTOMERS) as pool:
                list(pool.map(lambda one, at=at: _count(*one, batches, batch, at), held))  # type: ignore[misc]
            counting += time.perf_counter() - began
            periods.append(_period_start(held[0][1]))
        events = _CUSTOMERS * _MONTHS * batches * batch
        with connections["owner"].cursor() as cursor:
            cursor.execute("ANALYZE subscriptions_usagerecord")
        first, last = (_report(*held[0], period, batches * batch) for period in (periods[0], periods[-1]))
        broken = [found.invariant.name for found in violations()]
        return [
            Line(
                f"{events:,} usage events in batches of {batch:,}, {_CUSTOMERS} customers",
                f"{events / counting:,.0f}/s",
                ">= 5,000/s",
                events / counting >= 5_000,
            ),
            at_most(
                f"report of month {_MONTHS} : of month 1",
                last / first,
                2,
                "",
                f"{last * 1000:.0f} and {first * 1000:.0f} ms, {batches * batch:,} events each",
            ),
            Line("books proved afterwards", ", ".join(broken) or "every invariant holds", "all hold", not broken),
        ]


def _subscribed(now: datetime) -> tuple[Actor, Subscription]:
    system = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=system, catalogue=read_catalogue({"open": {"price_monthly": 0}}), now=now)
    customer = replace(system, user_id=new_id(), role="customer")
    plan = in_tenant(PLATFORM_CLUSTER_ID, lambda: queries.offered_plan_named(code="open"))
    return customer, commands.subscribe_user(actor=customer, plan_id=plan.id, interval="month", now=now)


def _count(actor: Actor, subscription: Subscription, batches: int, batch: int, at: datetime) -> None:
    try:
        for number in range(batches):
            events = [
                UsageEvent(FeatureType.CHAT_MESSAGES, Decimal(1), f"{at.timestamp()}-{number}-{n}", at, {})
                for n in range(batch)
            ]
            commands.record_usage(actor=actor, subscription_id=subscription.id, events=events, now=at)
    finally:
        connections.close_all()


def _period_start(subscription: Subscription) -> datetime:
    found = Subscription.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, id=subscription.id)
    return in_tenant(PLATFORM_CLUSTER_ID, lambda: found.values_list("current_period_start", flat=True).get())


def _report(actor: Actor, subscription: Subscription, starts: datetime, events: int) -> float:
    """Seconds to read the report of the period that began then."""
    taken = []
    for _ in range(_READS):
        began = time.perf_counter()
        rows = list(
            generate_usage_report(
                actor=actor,
                subscription_id=subscription.id,
                since=starts,
                until=starts + timedelta(seconds=1),
            )
        )
        taken.append(time.perf_counter() - began)
        assert [row.events for row in rows] == [events], rows
    return statistics.median(taken)
