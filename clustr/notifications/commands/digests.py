"""Once a day, of what the office was told in the list only: one mail about the acknowledgments, one about the credits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from clustr.clusters.types import PaymentsPermissions
from clustr.kit import clock
from clustr.kit.ids import earliest_id
from clustr.kit.locales import amount_for_people, day_for_people
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications.commands.notifying import notify
from clustr.notifications.queries import estate_of
from clustr.notifications.types import Audience, Estate, NotificationEvents

DAYS_BACK = 3
"""A worker that was away makes up for as many days."""
LINES = 20

# From the first id that can have been made that day: what came before need not be looked at.
_BY_SUBJECT = """
SELECT coalesce(facts ->> 'what', facts ->> 'bill'), facts ->> 'currency', count(*), sum((facts ->> 'amount_minor')::bigint)
FROM notifications_event WHERE cluster_id = %(cluster)s AND permission = %(permission)s AND office_event = %(event)s
  AND id >= %(first)s AND at >= %(since)s AND at < %(until)s
GROUP BY 1, 2 ORDER BY 3 DESC, 1
"""


def make_digests(*, cluster_id: UUID, now: datetime) -> int:
    """Make the digests of the estate's last whole days that have none yet. Answers how many were made."""
    estate = estate_of(cluster_id=cluster_id)
    zone = ZoneInfo(estate.timezone)
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(DAYS_BACK, 0, -1)]
    return sum(_acknowledgments(cluster_id, estate, day, now) + _credits(cluster_id, estate, day, now) for day in days)


def _acknowledgments(cluster_id: UUID, estate: Estate, day: date, now: datetime) -> int:
    zone = ZoneInfo(estate.timezone)
    with tenant(cluster_id):
        found = _grouped(cluster_id, NotificationEvents.BILL_ACKNOWLEDGED, PaymentsPermissions.VIEW_PAYMENTS, day, zone)
        if not found:
            return 0
        return notify(
            event=NotificationEvents.ACKNOWLEDGMENT_DIGEST,
            cluster_id=cluster_id,
            audience=Audience.holders(PaymentsPermissions.VIEW_PAYMENTS),
            subject_id=None,
            facts={
                "day": day_for_people(day, locale=estate.locale),
                "count": sum(count for _, _, count, _ in found),
                "lines": _cut(f"{what}: {count}" for what, _, count, _ in found),
            },
            key=day.isoformat(),
            now=now,
        )


def _credits(cluster_id: UUID, estate: Estate, day: date, now: datetime) -> int:
    zone = ZoneInfo(estate.timezone)
    with tenant(cluster_id):
        found = _grouped(
            cluster_id, NotificationEvents.CLUSTER_WALLET_CREDITED, PaymentsPermissions.VIEW_WALLET, day, zone
        )
        if not found:
            return 0
        currency = found[0][1]
        return notify(
            event=NotificationEvents.CLUSTER_WALLET_DIGEST,
            cluster_id=cluster_id,
            audience=Audience.holders(PaymentsPermissions.VIEW_WALLET),
            subject_id=None,
            facts={
                "day": day_for_people(day, locale=estate.locale),
                "count": sum(count for _, _, count, _ in found),
                "currency": currency,
                "total_minor": sum(int(minor) for _, _, _, minor in found),
                "lines": _cut(
                    f"{what}: {amount_for_people(Money(int(minor), currency), locale=estate.locale)} ({count})"
                    for what, _, count, minor in found
                ),
            },
            key=day.isoformat(),
            now=now,
        )


def _grouped(
    cluster_id: UUID, event: NotificationEvents, permission: str, day: date, zone: ZoneInfo
) -> list[tuple[Any, ...]]:
    since, until = _bounds(day, zone)
    with connection.cursor() as cursor:
        cursor.execute(
            _BY_SUBJECT,
            {
                "cluster": cluster_id,
                "event": event.value,
                "permission": permission,
                "first": earliest_id(clock.real(since) - timedelta(hours=1)),
                "since": since,
                "until": until,
            },
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day's beginning and the next one's, also where a clock was put forward at midnight."""
    return tuple(datetime.combine(on, time(), zone) for on in (day, day + timedelta(days=1)))  # type: ignore[return-value]


def _cut(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    return every if len(every) <= LINES else [*every[:LINES], f"and {len(every) - LINES} more"]
