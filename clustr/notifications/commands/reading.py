"""What people do with their notices: mark them read, and choose what reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.notifications.catalogue import EVENTS, faces
from clustr.notifications.channels.registry import offered
from clustr.notifications.models import ReadMark
from clustr.notifications.queries import unread_ids, visible_among
from clustr.notifications.refusals import AlwaysTold, NotificationNotFound, NotOffered
from clustr.notifications.types import Channel, Choice

MARKED_AT_ONCE = 10_000

_KEEP_CHOICE = """
INSERT INTO notifications_preference AS p (cluster_id, user_id, event, channel, enabled, changed_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (cluster_id, user_id, event, channel)
DO UPDATE SET enabled = EXCLUDED.enabled, changed_at = EXCLUDED.changed_at WHERE p.enabled <> EXCLUDED.enabled
"""


def mark_read(*, actor: Actor, ids: Sequence[UUID], now: datetime) -> None:
    """Note that the actor has read these notices of theirs. A repeat is harmless. Refuses `NotificationNotFound`."""
    with tenant(actor.cluster_id):
        if set(ids) - visible_among(actor=actor, ids=ids):
            raise NotificationNotFound
        _mark(actor, ids, now)


def mark_all_read(*, actor: Actor, now: datetime) -> None:
    """Note that the actor has read everything in their list as it is now (the newest 10,000)."""
    with tenant(actor.cluster_id):
        _mark(actor, unread_ids(actor=actor, limit=MARKED_AT_ONCE), now)


def choose_notifications(*, actor: Actor, choices: Sequence[Choice], now: datetime) -> None:
    """Keep what the actor chose. Refuses `NotOffered` (this channel is not offered here, or never used for the event), and
    `AlwaysTold` for what nobody can switch off."""
    for choice in choices:
        _refuse_choice(choice)
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        for choice in sorted(choices, key=lambda choice: (choice.event, choice.channel)):
            cursor.execute(
                _KEEP_CHOICE,
                [actor.cluster_id, actor.member_id, choice.event.value, choice.channel.value, choice.enabled, now],
            )


def _refuse_choice(choice: Choice) -> None:
    kind = EVENTS[choice.event]
    if choice.channel is not Channel.IN_APP and choice.channel not in offered():
        raise NotOffered("{channel} is not offered here.", channel=choice.channel)
    if choice.channel is Channel.IN_APP and all(choice.channel not in told for _, told in faces(choice.event)):
        raise NotOffered("This comes by e-mail only.")
    if choice.channel in kind.fixed and not choice.enabled:
        raise AlwaysTold("{notice}: this notice cannot be switched off.", notice=kind.what)


def _mark(actor: Actor, ids: Sequence[UUID], now: datetime) -> None:
    marks = [
        ReadMark(cluster_id=actor.cluster_id, user_id=actor.member_id, event_id=event_id, read_at=now)
        for event_id in sorted(set(ids))
    ]
    ReadMark.objects.bulk_create(marks, batch_size=1_000, ignore_conflicts=True)
