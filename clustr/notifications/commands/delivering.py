"""Handing messages over: claimed in one commit, handed to the sender outside any transaction, ended in the next.

Whatever dies in the middle, nobody is told twice: a claim that was never ended is handed over again only by a sender
for which twice is once; else it stays `interrupted`, for a person to see.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection

from clustr.kit.crashpoints import crash_point
from clustr.kit.tenancy import tenant
from clustr.notifications.channels.port import MaybeSent, NotSent, Outgoing, Sender
from clustr.notifications.channels.registry import sender_of
from clustr.notifications.commands.fanning_out import HOLDS
from clustr.notifications.policies import message_id, pause_after
from clustr.notifications.queries import estate_of, text_of_event
from clustr.notifications.rendering import mail_of, short_of
from clustr.notifications.types import Channel, DeliveryState, Estate, Face, NotificationEvents, Text
from clustr.notifications.work_queries import CLAIM_STANDS

log = structlog.get_logger(__name__)

SLICE_SECONDS = 10
"""How long one job hands over before it lets others have the worker."""


_CLAIM = f"""
WITH next AS (
  SELECT cluster_id, event_id, channel, user_id FROM notifications_delivery
  WHERE cluster_id = %(cluster)s AND state = 'queued' AND next_try_at <= %(now)s
  ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
  UPDATE notifications_delivery d
  SET state = 'sending', claimed_at = %(now)s, next_try_at = NULL, attempts = d.attempts + 1
  FROM next WHERE d.cluster_id = next.cluster_id AND d.event_id = next.event_id AND d.channel = next.channel
    AND d.user_id = next.user_id
  RETURNING d.event_id, d.channel, d.user_id, d.face, d.attempts
)
SELECT c.event_id, c.channel, c.user_id, c.face, c.attempts, u.email, u.name, u.phone, u.is_active,
  c.face <> '{Face.OFFICE}' OR EXISTS (SELECT FROM clusters_membership m
    JOIN notifications_event due ON due.cluster_id = m.cluster_id AND due.id = c.event_id
    WHERE m.cluster_id = %(cluster)s AND m.user_id = c.user_id AND {HOLDS})
FROM claimed c JOIN people_user u ON u.id = c.user_id
"""

_END = """
UPDATE notifications_delivery SET state = %(state)s, next_try_at = %(again_at)s, ended_at = %(ended_at)s, why = %(why)s
WHERE cluster_id = %(cluster)s AND event_id = %(event)s AND channel = %(channel)s AND user_id = %(user)s
  AND state = 'sending' AND attempts = %(attempts)s
"""

_RELEASE = """
UPDATE notifications_delivery SET
  state = CASE WHEN channel = ANY(%(repeatable)s) THEN 'queued' ELSE 'interrupted' END,
  next_try_at = CASE WHEN channel = ANY(%(repeatable)s) THEN %(now)s END,
  ended_at = CASE WHEN channel = ANY(%(repeatable)s) THEN NULL ELSE %(now)s END,
  why = 'sender_died'
WHERE cluster_id = %(cluster)s AND state = 'sending' AND claimed_at < %(before)s
RETURNING state
"""


@dataclass(frozen=True, slots=True)
class _Claimed:
    event_id: UUID
    channel: Channel
    user_id: UUID
    face: Face
    attempts: int
    email: str
    name: str
    phone: str
    is_active: bool
    is_meant: bool
    """Whether a notice to the office is still for them: they may have lost the permission since it was queued."""

    @property
    def address(self) -> str:
        return self.email if self.channel is Channel.EMAIL else self.phone


@dataclass(frozen=True, slots=True)
class _Ending:
    state: DeliveryState
    why: str = ""
    again_at: datetime | None = None


def deliver(*, cluster_id: UUID, now: datetime, seconds: float = SLICE_SECONDS) -> int:
    """Hand over what is due in this estate, one message at a time, for at most so long. Answers how many were handed over.

    Stops early at trouble of the channel: what is due then waits for the next run, and nothing else waits for it.
    """
    work = _Work(cluster_id)
    ends_at = time.monotonic() + seconds
    handed = 0
    try:
        claimed, ending = None, None
        while (claimed := _end_and_claim(cluster_id, claimed, ending, now)) is not None:
            crash_point("notifications.deliver.claimed")
            ending = work.hand_over(claimed, now)
            crash_point("notifications.deliver.handed")
            handed += ending.state is DeliveryState.SENT
            if ending.again_at is not None or time.monotonic() >= ends_at:
                _end(cluster_id, claimed, ending, now)
                break
    finally:
        work.close()
    return handed


def release_claims(*, cluster_id: UUID, now: datetime) -> None:
    """End the claims of senders that died. Where handing over twice is once, the message is queued again."""
    repeatable = [
        channel.value for channel in Channel if channel is not Channel.IN_APP and sender_of(channel).repeatable
    ]
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(
            _RELEASE,
            {"cluster": cluster_id, "now": now, "before": now - CLAIM_STANDS, "repeatable": repeatable},
        )
        released = [state for (state,) in cursor.fetchall()]
    if released:
        lost = released.count(DeliveryState.INTERRUPTED)
        log.warning("messages_interrupted", cluster_id=str(cluster_id), unknown=lost, again=len(released) - lost)


class _Work:
    """What one run keeps: its senders, the estate, and texts that go to many."""

    def __init__(self, cluster_id: UUID) -> None:
        self._cluster_id = cluster_id
        self._senders: dict[Channel, Sender] = {}
        self._texts: dict[tuple[UUID, Face], tuple[NotificationEvents, Text]] = {}
        self._estate: Estate | None = None

    def hand_over(self, claimed: _Claimed, now: datetime) -> _Ending:
        if not (claimed.is_active and claimed.is_meant and claimed.address):
            return _Ending(DeliveryState.SKIPPED, "no_address" if claimed.is_meant else "not_theirs_any_more")
        message = self._message(claimed)
        try:
            self._sender(claimed.channel).send(message)
        except NotSent as trouble:
            pause = pause_after(attempts=claimed.attempts) if trouble.again else None
            log.warning("message_not_sent", channel=claimed.channel, why=trouble.why, again=pause is not None)
            if pause is None:
                return _Ending(DeliveryState.FAILED, trouble.why)
            return _Ending(DeliveryState.QUEUED, trouble.why, now + pause)
        except MaybeSent as trouble:
            log.warning("message_maybe_sent", channel=claimed.channel, why=trouble.why)
            return _Ending(DeliveryState.INTERRUPTED, trouble.why)
        return _Ending(DeliveryState.SENT)

    def close(self) -> None:
        for sender in self._senders.values():
            sender.close()

    def _sender(self, channel: Channel) -> Sender:
        return self._senders.setdefault(channel, sender_of(channel))

    def _message(self, claimed: _Claimed) -> Outgoing:
        if self._estate is None:
            self._estate = estate_of(cluster_id=self._cluster_id)
        key = (claimed.event_id, claimed.face)
        if key not in self._texts:
            if len(self._texts) > 100:
                self._texts.clear()
            self._texts[key] = text_of_event(
                cluster_id=self._cluster_id, event_id=claimed.event_id, face=claimed.face, estate=self._estate
            )
        event, text = self._texts[key]
        id = message_id(event_id=claimed.event_id, channel=claimed.channel, user_id=claimed.user_id)
        if claimed.channel is not Channel.EMAIL:
            return Outgoing(id, claimed.address, text.title, short_of(text=text, estate=self._estate))
        subject, plain, html = mail_of(text=text, event=event, estate=self._estate, name=claimed.name)
        return Outgoing(id, claimed.address, subject, plain, html)


def _end_and_claim(cluster_id: UUID, done: _Claimed | None, ending: _Ending | None, now: datetime) -> _Claimed | None:
    with tenant(cluster_id), connection.cursor() as cursor:
        if done is not None and ending is not None:
            _write_end(cursor, cluster_id, done, ending, now)
        cursor.execute(_CLAIM, {"cluster": cluster_id, "now": now})
        row = cursor.fetchone()
    if row is None:
        return None
    event_id, channel, user_id, face, *rest = row
    return _Claimed(event_id, Channel(channel), user_id, Face(face), *rest)


def _end(cluster_id: UUID, done: _Claimed, ending: _Ending, now: datetime) -> None:
    with tenant(cluster_id), connection.cursor() as cursor:
        _write_end(cursor, cluster_id, done, ending, now)


def _write_end(cursor: Any, cluster_id: UUID, done: _Claimed, ending: _Ending, now: datetime) -> None:
    cursor.execute(
        _END,
        {
            "cluster": cluster_id,
            "event": done.event_id,
            "channel": done.channel.value,
            "user": done.user_id,
            "attempts": done.attempts,
            "state": ending.state.value,
            "why": ending.why[:100],
            "again_at": ending.again_at,
            "ended_at": None if ending.again_at is not None else now,
        },
    )
