"""From what happened to messages: whoever an event reaches gets one row for each channel they are told on.

A batch is one transaction, in which how far it has come moves too: killed anywhere, the next run goes on from the last
commit, and the key of a message keeps a second one from being made.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.clusters.types import Role
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.notifications.audiences import condition_sql
from clustr.notifications.catalogue import EVENTS, defaults
from clustr.notifications.channels.registry import offered

BATCH = 1_000
"""Events of few readers, or members of one event, in one transaction."""

HOLDS = f"""m.accepted_at IS NOT NULL AND m.joined_at <= %(now)s AND (m.left_at IS NULL OR m.left_at > %(now)s)
  AND (m.role = '{Role.ADMIN}' OR m.role = '{Role.STAFF}' AND m.permissions @> ARRAY[due.permission])"""

# `told`: event, reader and face. A person with two faces in one event is told as the member.
_QUEUE = """
, choice AS (
  SELECT * FROM unnest(%(events)s::text[], %(faces)s::text[], %(channels)s::text[], %(enabled)s::boolean[],
    %(fixed)s::boolean[]) AS c (event, face, channel, enabled, fixed)
), queued AS (
  INSERT INTO notifications_delivery (cluster_id, event_id, channel, user_id, face, state, next_try_at)
  SELECT DISTINCT ON (told.id, choice.channel, told.user_id)
    %(cluster)s, told.id, choice.channel, told.user_id, told.face, 'queued', %(now)s
  FROM told JOIN choice ON choice.event = told.event AND choice.face = told.face
  LEFT JOIN notifications_preference p ON p.cluster_id = %(cluster)s AND p.user_id = told.user_id
    AND p.event = told.event AND p.channel = choice.channel
  WHERE CASE WHEN choice.fixed THEN choice.enabled ELSE coalesce(p.enabled, choice.enabled) END
  ORDER BY told.id, choice.channel, told.user_id, told.face
  ON CONFLICT DO NOTHING
)
"""

_FEW = f"""
WITH due AS (
  SELECT id, event, user_id, office_event, permission FROM notifications_event
  WHERE cluster_id = %(cluster)s AND fanned_out_at IS NULL AND reach_from IS NULL
  ORDER BY id LIMIT {BATCH} FOR UPDATE SKIP LOCKED
), told AS (
  SELECT id, event, user_id, 'member' AS face FROM due
  WHERE EXISTS (SELECT FROM clusters_membership m
    WHERE m.cluster_id = %(cluster)s AND m.user_id = due.user_id AND m.accepted_at IS NOT NULL)
  UNION ALL
  SELECT due.id, due.office_event, m.user_id, 'office' FROM due
  JOIN clusters_membership m ON m.cluster_id = %(cluster)s AND m.role <> 'resident' AND {HOLDS}
  WHERE due.permission IS NOT NULL
)
{_QUEUE}
UPDATE notifications_event e SET fanned_out_at = %(now)s FROM due
WHERE e.cluster_id = %(cluster)s AND e.id = due.id RETURNING e.id
"""

_NEXT_OF_MANY = """
SELECT id, event, fan_out_after FROM notifications_event
WHERE cluster_id = %(cluster)s AND fanned_out_at IS NULL AND reach_from IS NOT NULL
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""

_MANY = f"""
WITH walked AS (
  SELECT m.id, m.user_id, m.role, m.joined_at, m.left_at, m.accepted_at FROM clusters_membership m
  WHERE m.cluster_id = %(cluster)s AND (%(after)s::uuid IS NULL OR m.id > %(after)s)
  ORDER BY m.id LIMIT {BATCH}
), told AS (
  SELECT e.id, e.event, m.user_id, 'member' AS face FROM notifications_event e CROSS JOIN walked m
  WHERE e.cluster_id = %(cluster)s AND e.id = %(event)s AND m.accepted_at IS NOT NULL
    AND clusters_reaches(m.role, m.joined_at, m.left_at, e.reach_from, e.reach_until, e.reach_at_issue)
    AND {{condition}}
)
{_QUEUE}
UPDATE notifications_event SET
  fan_out_after = (SELECT id FROM walked ORDER BY id DESC LIMIT 1),
  fanned_out_at = CASE WHEN (SELECT count(*) FROM walked) < {BATCH} THEN %(now)s END
WHERE cluster_id = %(cluster)s AND id = %(event)s RETURNING id
"""

_TO_ENDPOINTS = """
INSERT INTO notifications_endpointdelivery (cluster_id, id, endpoint_id, event_id, state, next_try_at, created_at)
SELECT w.cluster_id, gen_random_uuid(), w.id, e.id, 'queued', %(now)s, %(now)s
FROM notifications_event e JOIN notifications_endpoint w ON w.cluster_id = e.cluster_id
WHERE e.cluster_id = %(cluster)s AND e.id = ANY(%(ids)s) AND w.removed_at IS NULL AND w.disabled_at IS NULL
  AND w.created_at <= e.at AND coalesce(e.event, e.office_event) = ANY(%(public)s)
  AND (w.events = '{}' OR w.events && ARRAY[e.event, e.office_event])
ON CONFLICT DO NOTHING
"""


def fan_out(*, cluster_id: UUID, now: datetime) -> bool:
    """Queue the messages of the next batch of an estate's events. Answers whether there may be more."""
    few = _fan_out_few(cluster_id, now)
    many = _fan_out_many(cluster_id, now)
    return few == BATCH or many


def _fan_out_few(cluster_id: UUID, now: datetime) -> int:
    with tenant(cluster_id), crash_points("notifications.fan_out"), connection.cursor() as cursor:
        cursor.execute(_FEW, _values(cluster_id, now))
        ids = [row[0] for row in cursor.fetchall()]
        _to_endpoints(cursor, cluster_id, ids, now)
    return len(ids)


def _fan_out_many(cluster_id: UUID, now: datetime) -> bool:
    """The next batch of members of the oldest event that reaches all. Answers whether there was one."""
    with tenant(cluster_id), crash_points("notifications.fan_out_to_all"), connection.cursor() as cursor:
        cursor.execute(_NEXT_OF_MANY, {"cluster": cluster_id})
        found = cursor.fetchone()
        if found is None:
            return False
        event_id, _, after = found
        values = _values(cluster_id, now) | {"event": event_id, "after": after}
        cursor.execute(_MANY.replace("{condition}", condition_sql().replace("%", "%%")), values)
        if after is None:
            _to_endpoints(cursor, cluster_id, [event_id], now)
    return True


def _to_endpoints(cursor: Any, cluster_id: UUID, ids: list[UUID], now: datetime) -> None:
    public = [event.value for event, kind in EVENTS.items() if kind.webhooks]
    cursor.execute(_TO_ENDPOINTS, {"cluster": cluster_id, "ids": ids, "now": now, "public": public})


def _values(cluster_id: UUID, now: datetime) -> dict[str, Any]:
    sendable = offered()
    choices = [choice for choice in defaults() if choice[2] in sendable]
    return {
        "cluster": cluster_id,
        "now": now,
        "events": [event.value for event, *_ in choices],
        "faces": [face.value for _, face, *_ in choices],
        "channels": [channel.value for _, _, channel, *_ in choices],
        "enabled": [enabled for *_, enabled, _ in choices],
        "fixed": [fixed for *_, fixed in choices],
    }
