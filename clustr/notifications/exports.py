"""What this room holds about one person, for their export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.notifications.models import Delivery, Event, Preference, ReadMark


def notices_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: the notices addressed to this person, what they read, what they chose, and what was sent to them."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            mine = {"cluster_id": cluster_id, "user_id": user_id}
            held.append(
                {
                    "cluster_id": str(cluster_id),
                    "notices": [
                        {"id": str(row.id), "event": row.event, "at": row.at.isoformat(), "facts": row.facts}
                        for row in Event.objects.filter(**mine).order_by("id")
                    ],
                    "read": [
                        {"notice_id": str(row.event_id), "at": row.read_at.isoformat()}
                        for row in ReadMark.objects.filter(**mine).order_by("event_id")
                    ],
                    "choices": [
                        {"event": row.event, "channel": row.channel, "enabled": row.enabled}
                        for row in Preference.objects.filter(**mine).order_by("event", "channel")
                    ],
                    "messages": [
                        {"notice_id": str(row.event_id), "channel": row.channel, "state": row.state}
                        for row in Delivery.objects.filter(**mine).order_by("event_id", "channel")
                    ],
                }
            )
    return held
