"""Noting that people are to be told: one row in the transaction of what they are told about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.notifications.audiences import known_condition
from clustr.notifications.catalogue import EVENTS
from clustr.notifications.models import Event
from clustr.notifications.types import Audience, Face, Facts, NotificationEvents


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice of several that are made together. `key`: see `notify`. `office`: what the same row tells whoever holds a
    permission, of which event."""

    audience: Audience
    subject_id: UUID | None
    facts: Facts
    key: str = ""
    office: tuple[NotificationEvents, str] | None = None


def notify(
    *,
    event: NotificationEvents,
    cluster_id: UUID,
    audience: Audience,
    subject_id: UUID | None,
    facts: Facts,
    now: datetime,
    key: str = "",
) -> bool:
    """Tell the audience, once the transaction under way has committed. One row, whoever it reaches; a job does the rest.

    `subject_id`: what it is about, such as a bill. `facts`: what the event's template shows (`types.Facts`).
    `key`: of two notices of the same event with the same key only the first is made; answers whether it was.
    """
    notice = Notice(audience, subject_id, facts, key)
    return notify_each(event=event, cluster_id=cluster_id, notices=[notice], now=now) == 1


def notify_each(*, event: NotificationEvents, cluster_id: UUID, notices: Sequence[Notice], now: datetime) -> int:
    """As `notify`, several at once in one statement for 1,000; answers how many were made."""
    rows = [_event(event, cluster_id, notice, now) for notice in notices]
    with tenant(cluster_id):
        if not any(row.key for row in rows):
            Event.objects.bulk_create(rows, batch_size=1_000)
            return len(rows)
        Event.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)
        return Event.objects.filter(cluster_id=cluster_id, id__in=[row.id for row in rows]).count()


def _event(event: NotificationEvents, cluster_id: UUID, notice: Notice, now: datetime) -> Event:
    audience, reach = notice.audience, notice.audience.reach
    face = Face.OFFICE if audience.permission else Face.MEMBER
    if [audience.user_id, audience.permission, reach].count(None) != 2:
        raise AssertionError("an audience is one person, the holders of a permission, or the members a bill reaches")
    office, permission = (event, audience.permission) if audience.permission else notice.office or (None, None)
    if EVENTS[event].told(face) is None or (office and EVENTS[office].told(Face.OFFICE) is None):
        raise AssertionError(f"{event} does not speak to the {face}, or {office} not to the office")
    if reach and not known_condition(reach.condition):
        raise AssertionError(f"nobody registered the condition {reach.condition!r}")
    return Event(
        id=new_id(),
        cluster_id=cluster_id,
        event=event.value if face is Face.MEMBER else None,
        user_id=audience.user_id,
        office_event=office.value if office else None,
        permission=permission,
        reach_from=reach.issued_at if reach else None,
        reach_until=reach.due_date if reach else None,
        reach_at_issue=reach.at_issue_only if reach else False,
        reach_condition=reach.condition if reach else "",
        subject_id=notice.subject_id,
        facts=dict(notice.facts),
        key=notice.key,
        at=now,
    )
