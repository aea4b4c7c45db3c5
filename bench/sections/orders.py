"""Standing orders that are due, all from wallets: run in sets, beside the same work one order at a time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

from bench import databases, town
from bench.estates import CURRENCY, TIMEZONE, Estate, owner_of
from bench.history import issue
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.kit import clock
from clustr.kit.invariants import violations
from clustr.kit.tenancy import tenant
from clustr.recurring import commands
from clustr.recurring.commands.scheduled import LANES
from clustr.recurring.models import RecurringPayment
from clustr.recurring.types import OrderState, Processed, StoppedBy

_MINOR = 100
_MONTH = timedelta(days=31)
_ORDERS = """
INSERT INTO recurring_payment (cluster_id, id, user_id, title, amount_minor, currency, frequency, bill_type,
    payment_source, anchor_on, anchor_at, timezone, state, next_run_at, created_at)
  SELECT kit_tenant(), {order}, {user}, 'Order ' || i, %(minor)s, %(currency)s, 'monthly', %(bill_type)s, 'wallet',
    (%(due)s AT TIME ZONE %(zone)s)::date, (%(due)s AT TIME ZONE %(zone)s)::time, %(zone)s, 'active', %(due)s, %(due)s
  FROM generate_series(1, %(last)s) AS i"""
_CONSENT = """
INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)
  SELECT kit_tenant(), gen_random_uuid(), b.id, {user}, b.version, b.terms_digest, %(now)s
  FROM bills_bill b, generate_series(1, %(last)s) AS i WHERE b.cluster_id = kit_tenant() AND b.id = %(bill)s"""


def measure(size: Size) -> Sequence[Line]:
    """Contributions of everybody; payments on an estate-wide bill of a part of them; some one at a time."""
    database, estate = town.orders(size)
    with databases.scratch(database):
        now = clock.now()
        few, some = size.orders // 100, size.orders // 10
        _order(estate, kind=11, last=few, due=now)
        small = _ran(estate, now, few)
        _order(estate, kind=12, last=size.orders, due=now)
        large = _ran(estate, now, size.orders)
        bill = issue(estate, minor=_MINOR * 10, at=now)
        _acknowledge(estate, bill, some, now)
        _order(estate, kind=13, last=some, due=now, bill_type="service_charge")
        bills = _ran(estate, now, some, memory=False)
        _order(estate, kind=14, last=size.one_by_one, due=now)
        single = _one_by_one(estate, size.one_by_one, now)
        broken = [found.invariant.name for found in violations()]
        return [
            Line(
                f"{size.orders:,} due orders from wallets, in sets",
                f"{large.rate:,.0f}/s ({large.seconds:.1f} s)",
                ">= 10,000/s",
                large.rate >= 10_000,
            ),
            at_most(
                f"memory of {size.orders:,} : {few:,} orders",
                large.peak / small.peak,
                1.5,
                "",
                f"peak {large.peak / 2**20:.1f} and {small.peak / 2**20:.1f} MiB",
            ),
            Line(f"{some:,} due orders that pay a bill, in sets", f"{bills.rate:,.0f}/s ({bills.seconds:.1f} s)"),
            Line(f"  beside it: {size.one_by_one:,} orders one at a time", f"{single:,.0f}/s"),
            Line("books proved afterwards", ", ".join(broken) or "every invariant holds", "all hold", not broken),
        ]


class _Ran:
    """How a sweep went: orders a second, and the most Python memory it held at once, in bytes."""

    def __init__(self, rate: float, seconds: float, peak: int = 0) -> None:
        self.rate, self.seconds, self.peak = rate, seconds, peak


def _ran(estate: Estate, now: datetime, count: int, *, memory: bool = True) -> _Ran:
    """Time a sweep; then take the memory of another one a month later, which measuring slows down."""
    began = time.perf_counter()
    _in_lanes(estate, now, count)
    seconds = time.perf_counter() - began
    peak = 0
    if memory:
        tracemalloc.start()
        _process(estate, now + _MONTH, count)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    _end_all(estate, now)
    return _Ran(count / seconds, seconds, peak)


def _in_lanes(estate: Estate, now: datetime, count: int) -> None:
    """As the worker does it: two jobs at once for one cluster, each taking what the other has not."""

    def work() -> Processed:
        try:
            return commands.process_recurring_payments_of(cluster_id=estate.cluster_id, now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(LANES) as pool:
        done = sum((job.result() for job in [pool.submit(work) for _ in range(LANES)]), Processed())
    assert done == Processed(completed=count), done


def _process(estate: Estate, now: datetime, count: int) -> None:
    done = commands.process_recurring_payments_of(cluster_id=estate.cluster_id, now=now)
    assert done == Processed(completed=count), done


def _one_by_one(estate: Estate, last: int, now: datetime) -> float:
    """Orders a second, each in a transaction of its own, as somebody would who asks each order to run itself."""
    with tenant(estate.cluster_id):
        orders = list(RecurringPayment.objects.filter(state=OrderState.ACTIVE).order_by("id")[:last])
    began = time.perf_counter()
    for order in orders:
        assert order.process_payment(now=now) == Processed(completed=1)
    return len(orders) / (time.perf_counter() - began)


def _order(estate: Estate, kind: int, last: int, due: datetime, bill_type: str = "") -> None:
    """A standing order that is due, of each of the members 1 to `last`."""
    with owner_of(estate) as cursor:
        cursor.execute(
            _ORDERS.format(order=estate.sql(kind, "i"), user=estate.user_sql("i")),
            {
                "minor": _MINOR,
                "currency": CURRENCY,
                "bill_type": bill_type,
                "due": due,
                "zone": TIMEZONE,
                "last": last,
            },
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE recurring_payment")


def _end_all(estate: Estate, now: datetime) -> None:
    with tenant(estate.cluster_id):
        RecurringPayment.objects.filter(state=OrderState.ACTIVE).update(
            state=OrderState.CANCELLED, next_run_at=None, stopped_by=StoppedBy.MEMBER, stopped_at=now + _MONTH
        )


def _acknowledge(estate: Estate, bill: UUID, last: int, now: datetime) -> None:
    with owner_of(estate) as cursor:
        cursor.execute(
            _CONSENT.format(user=estate.user_sql("i")),
            {"bill": bill, "last": last, "now": now},
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE bills_acknowledgment")
