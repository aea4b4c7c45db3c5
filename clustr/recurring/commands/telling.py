"""Telling members how their standing orders went, after the money and apart from it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.models import F

from clustr.bills.queries import payable_of
from clustr.bills.types import BillType
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import in_tenant
from clustr.recurring import notices
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import RunState

_AT_ONCE = 200


def untold_clusters() -> list[UUID]:
    """The clusters in which somebody was not told yet; read through the sweep role, outside any tenant."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT cluster_id FROM recurring_run WHERE told_attempts < attempts ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def tell_of_runs(*, cluster_id: UUID, now: datetime) -> int:
    """Tell each member of every attempt they have not been told of, once; answers how many. May run beside itself."""
    told = 0
    while True:
        batch = in_tenant(cluster_id, lambda: _tell_batch(cluster_id, now))
        told += batch
        if batch < _AT_ONCE:
            return told


def _tell_batch(cluster_id: UUID, now: datetime) -> int:
    with crash_points("recurring.tell"):
        waiting = Run.objects.select_for_update(no_key=True, skip_locked=True).filter(
            cluster_id=cluster_id, told_attempts__lt=F("attempts")
        )
        runs = list(waiting.order_by("id")[:_AT_ONCE])
        orders = RecurringPayment.objects.filter(cluster_id=cluster_id).in_bulk([run.order_id for run in runs])
        if runs:
            notices.tell_of_runs(runs=runs, orders=orders, asking=_asking(runs, orders, now), now=now)
        Run.objects.filter(cluster_id=cluster_id, id__in=[run.id for run in runs]).update(told_attempts=F("attempts"))
    return len(runs)


def _asking(runs: list[Run], orders: dict[UUID, RecurringPayment], now: datetime) -> set[UUID]:
    """The orders that found nothing to pay while a bill of their type waits for its member's acknowledgment."""
    empty = {orders[run.order_id] for run in runs if run.state == RunState.NOTHING_DUE}
    wanted = [(order.user_id, BillType(order.bill_type)) for order in empty]
    found = payable_of(wanted=wanted, now=now)
    return {order.id for order in empty if found[order.user_id, BillType(order.bill_type)].to_acknowledge}
