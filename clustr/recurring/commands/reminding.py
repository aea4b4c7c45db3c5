"""Reminding members of standing orders that run soon, with what their wallet will lack."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import F, Q

from clustr.kit.crashpoints import crash_points
from clustr.kit.going_on import through_estates
from clustr.kit.tenancy import in_tenant
from clustr.recurring import notices
from clustr.recurring.models import RecurringPayment
from clustr.recurring.shortfalls import shortfalls
from clustr.recurring.types import Frequency, OrderState

_AT_ONCE = 200


def send_recurring_payment_reminders(*, now: datetime) -> int:
    """Remind each member once for each period that runs within RECURRING_REMINDER_DAYS; of a daily one only where the
    wallet will not cover it. Answers how many notices were made."""
    until = now + timedelta(days=settings.ENV.RECURRING_REMINDER_DAYS)
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT cluster_id FROM recurring_payment"
            " WHERE state = 'active' AND next_run_at > %s AND next_run_at <= %s ORDER BY 1",
            [now, until],
        )
        due = [row[0] for row in cursor.fetchall()]
    return through_estates(due, lambda id: _remind_cluster(id, now, until))


def count_reminders(*, now: datetime) -> int:
    """How many standing orders run within RECURRING_REMINDER_DAYS, in all clusters."""
    until = now + timedelta(days=settings.ENV.RECURRING_REMINDER_DAYS)
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM recurring_payment WHERE state = 'active' AND next_run_at > %s AND next_run_at <= %s",
            [now, until],
        )
        return int(cursor.fetchone()[0])


def _remind_cluster(cluster_id: UUID, now: datetime, until: datetime) -> int:
    made = 0
    while True:
        looked_at, told = in_tenant(cluster_id, lambda: _remind_batch(cluster_id, now, until))
        made += told
        if looked_at < _AT_ONCE:
            return made


def _remind_batch(cluster_id: UUID, now: datetime, until: datetime) -> tuple[int, int]:
    """How many orders were looked at, and how many notices made."""
    with crash_points("recurring.remind"):
        ahead = RecurringPayment.objects.filter(
            cluster_id=cluster_id, state=OrderState.ACTIVE, next_run_at__gt=now, next_run_at__lte=until
        )
        fresh = ahead.filter(~Q(reminded_period=F("next_period")) | Q(reminded_period=None), failed_attempts=0)
        batch = list(fresh.select_for_update(no_key=True, skip_locked=True).order_by("next_run_at", "id")[:_AT_ONCE])
        members = {order.user_id for order in batch}
        short = shortfalls(cluster_id=cluster_id, user_ids=members, until=until, now=now)
        reminders = [
            (order, short[order.id].minor, short[order.id].to_acknowledge)
            for order in batch
            if order.frequency != Frequency.DAILY or not short[order.id].is_none
        ]
        told = notices.tell_ahead(reminders=reminders, now=now)
        RecurringPayment.objects.filter(cluster_id=cluster_id, id__in=[order.id for order in batch]).update(
            reminded_period=F("next_period")
        )
    return len(batch), told
