"""The only reader of this room that others call: somebody's list, how much of it is unread, and what they chose.

A list is derived: what was addressed to the person, to a permission they hold, or to all members a bill reaches, of
whom they are one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.clusters.member_queries import names_here
from clustr.clusters.models import Cluster
from clustr.kit.actor import Actor
from clustr.kit.tenancy import current_tenant, tenant
from clustr.notifications.audiences import condition_sql
from clustr.notifications.catalogue import EVENTS, faces
from clustr.notifications.channels.registry import offered
from clustr.notifications.formats import people_in
from clustr.notifications.models import Delivery, Event, Preference
from clustr.notifications.pages import page_of
from clustr.notifications.rendering import fixed_words, text_of
from clustr.notifications.types import (
    Channel,
    ChannelChoice,
    Estate,
    EventChoices,
    Face,
    Notification,
    NotificationEvents,
    Text,
)

UNREAD_SHOWN = 1_000
"""Counting stops here: "1,000 or more" costs the same however many there are."""

_REACHED = """EXISTS (SELECT FROM clusters_membership m WHERE m.cluster_id = e.cluster_id AND m.user_id = %(user)s
  AND m.accepted_at IS NOT NULL
  AND clusters_reaches(m.role, m.joined_at, m.left_at, e.reach_from, e.reach_until, e.reach_at_issue)
  AND {condition})"""

# Each branch reads an index from its newest end; {only} narrows it.
_MINE = """
SELECT id, face, event, facts, subject_id, at, read_at FROM (
  SELECT DISTINCT ON (id) * FROM (
    (SELECT e.id, 'member' AS face, e.event, e.facts, e.subject_id, e.at, r.read_at FROM notifications_event e
      {marks} WHERE e.cluster_id = %(cluster)s AND e.user_id = %(user)s AND e.event <> ALL(%(off)s) {only}
      ORDER BY e.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT e.id, 'member', e.event, e.facts, e.subject_id, e.at, r.read_at FROM notifications_event e
      {marks} WHERE e.cluster_id = %(cluster)s AND e.reach_from IS NOT NULL AND e.event <> ALL(%(off)s) {only}
      AND {reached} ORDER BY e.id DESC LIMIT %(limit)s)
    UNION ALL
    SELECT office.* FROM unnest(%(permissions)s::text[]) AS held CROSS JOIN LATERAL (
      SELECT e.id, 'office', e.office_event, e.facts, e.subject_id, e.at, r.read_at FROM notifications_event e
      {marks} WHERE e.cluster_id = %(cluster)s AND e.permission = held AND e.office_event <> ALL(%(off)s) {only}
      ORDER BY e.id DESC LIMIT %(limit)s) AS office
  ) AS addressed ORDER BY id, face
) AS mine ORDER BY id DESC LIMIT %(limit)s
"""
_THINGS = f"""WHERE newest.event <> '{NotificationEvents.UTILITY_AUTOMATION_RUN}' OR NOT EXISTS (
  SELECT FROM notifications_event run JOIN notifications_event got ON got.cluster_id = run.cluster_id AND got.key = run.key
  AND coalesce(got.event, got.office_event) = '{NotificationEvents.UTILITY_DELIVERED}'
  WHERE run.cluster_id = %(cluster)s AND run.id = newest.id AND run.key <> '' AND got.key <> '')"""
_ABOUT = """AND (e.event = ANY(%(kinds)s) OR e.office_event = ANY(%(kinds)s)
  OR EXISTS (SELECT FROM jsonb_each_text(e.facts) AS fact WHERE strpos(lower(fact.value), lower(%(q)s)) > 0))"""
"""Narrows a list to what a search is for: kinds of events that are called so, and what a notice says of its cause."""
_MARKS = """LEFT JOIN notifications_readmark r
  ON r.cluster_id = e.cluster_id AND r.user_id = %(user)s AND r.event_id = e.id"""


def my_notifications(
    *, actor: Actor, unread_only: bool = False, q: str = "", after: UUID | None = None, limit: int = 50
) -> list[Notification]:
    """The actor's notices in this estate, the newest first; `after` is the id where the page before ended. `q`: those of a
    kind that is called so or says so in every notice, or in whose facts it stands."""
    only = ("AND e.id < %(after)s" if after else "") + (" AND r.event_id IS NULL" if unread_only else "")
    only += f" {_ABOUT}" if q else ""
    with tenant(actor.cluster_id):
        rows = _read(actor, only, limit=limit, after=after, q=q)
        estate = estate_of(cluster_id=actor.cluster_id)
        said = [json.loads(row[3]) for row in rows]
        names = names_here(user_ids={id for facts in said for id in people_in(facts)})
    found = []
    for (id, face, event, _, subject_id, at, read_at), facts in zip(rows, said, strict=True):
        kind = NotificationEvents(event)
        text = text_of(event=kind, face=Face(face), facts=facts, estate=estate, names=names)
        found.append(
            Notification(
                id=id,
                event=kind,
                face=Face(face),
                priority=EVENTS[kind].priority,
                title=text.title,
                body=text.body,
                subject_id=subject_id,
                at=at,
                read_at=read_at,
                page=page_of(event=kind, face=Face(face), facts=facts, subject_id=subject_id),
            )
        )
    return found


def unread_count(*, actor: Actor, most: int = UNREAD_SHOWN) -> int:
    """How many of the actor's notices are unread; counts to `most`."""
    with tenant(actor.cluster_id):
        ((count,),) = _read(actor, "AND r.event_id IS NULL", limit=most, counted=True)
    return int(count)


def unread_things(*, actor: Actor, most: int) -> int:
    """How many things are unread, for the bell; counts to `most`. That an automation has bought and that it was delivered is
    one thing."""
    with tenant(actor.cluster_id):
        ((count,),) = _read(actor, "AND r.event_id IS NULL", limit=most, counted=True, counting=_THINGS)
    return int(count)


def unread_ids(*, actor: Actor, limit: int) -> list[UUID]:
    """The actor's newest unread notices."""
    with tenant(actor.cluster_id):
        return [row[0] for row in _read(actor, "AND r.event_id IS NULL", limit=limit)]


def visible_among(*, actor: Actor, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these are in the actor's list."""
    with tenant(actor.cluster_id):
        return {row[0] for row in _read(actor, "AND e.id = ANY(%(ids)s)", limit=len(ids) or 1, ids=list(ids))}


def my_choices(*, actor: Actor) -> list[EventChoices]:
    """Every event that can reach the actor, with the channels offered here as they have them."""
    with tenant(actor.cluster_id):
        kept = Preference.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
        chosen = {(row.event, row.channel): row.enabled for row in kept}
    channels = [channel for channel in Channel if channel is Channel.IN_APP or channel in offered()]
    found = []
    for event, kind in EVENTS.items():
        told = [channels_told for face, channels_told in faces(event) if face is Face.MEMBER or actor.permissions]
        if told:
            choices = tuple(_choice(event, channel, told, chosen) for channel in channels)
            found.append(EventChoices(event, kind.what, choices))
    return found


def text_of_event(*, cluster_id: UUID, event_id: UUID, face: Face, estate: Estate) -> tuple[NotificationEvents, Text]:
    """What an event says to this face; for who sends it."""
    with tenant(cluster_id):
        row = Event.objects.get(cluster_id=cluster_id, id=event_id)
        names = names_here(user_ids=people_in(row.facts))
    event = NotificationEvents(str(row.event if face is Face.MEMBER else row.office_event))
    text = text_of(event=event, face=face, facts=row.facts, estate=estate, names=names)
    page = page_of(event=event, face=face, facts=row.facts, subject_id=row.subject_id)
    return event, replace(text, page=page)


def was_notified(*, event: NotificationEvents, cluster_id: UUID, key: str) -> bool:
    """Whether a notice of this kind to a member was made with this key."""
    return Event.objects.filter(cluster_id=cluster_id, event=event.value, key=key).exists()


def messages_sent(*, since: datetime, until: datetime) -> int:
    """How many messages of the estate under way were sent in [since, until), by e-mail and whatever else costs something."""
    sent = Delivery.objects.filter(cluster_id=current_tenant(), state="sent", ended_at__gte=since, ended_at__lt=until)
    return sent.count()


def estate_of(*, cluster_id: UUID) -> Estate:
    """What texts need of the estate."""
    with tenant(cluster_id):
        row = Cluster.objects.values_list("name", "timezone", "support_email", "locale").get(id=cluster_id)
    return Estate(*row)


def _read(
    actor: Actor,
    only: str,
    *,
    limit: int,
    after: UUID | None = None,
    ids: Iterable[UUID] = (),
    q: str = "",
    counted: bool = False,
    counting: str = "",
) -> list[tuple[Any, ...]]:
    off = Preference.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, channel=Channel.IN_APP, enabled=False
    ).values_list("event", flat=True)
    fixed = {event.value for event, kind in EVENTS.items() if Channel.IN_APP in kind.fixed}
    silent = {event.value for event in EVENTS if all(Channel.IN_APP not in told for _, told in faces(event))}
    condition = condition_sql().replace("%", "%%")
    statement = _MINE.format(marks=_MARKS, only=only, reached=_REACHED.format(condition=condition))
    if counted:
        statement = f"SELECT count(*) FROM ({statement}) AS newest {counting}"
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "cluster": actor.cluster_id,
                "user": actor.member_id,
                "off": sorted((set(off) - fixed) | silent),
                "permissions": sorted(actor.permissions),
                "limit": limit,
                "after": after,
                "ids": list(ids),
                "q": q,
                "kinds": [event.value for event in EVENTS if _is_called(event, q.lower())],
            },
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _is_called(event: NotificationEvents, q: str) -> bool:
    """Whether this stands in what the event is called, or in the words of its every notice."""
    return q in EVENTS[event].what.lower() or q in fixed_words(event)


def _choice(
    event: NotificationEvents, channel: Channel, told: list[frozenset[Channel]], chosen: dict[tuple[str, str], bool]
) -> ChannelChoice:
    fixed = channel in EVENTS[event].fixed
    by_default = any(channel in channels for channels in told)
    enabled = by_default if fixed else chosen.get((event.value, channel.value), by_default)
    never = channel is Channel.IN_APP and not by_default
    return ChannelChoice(channel, enabled and not never, can_change=not (fixed or never))
