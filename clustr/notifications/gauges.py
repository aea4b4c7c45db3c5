"""What notifications shows of what waits to be told, and of what nobody knows to have been told."""

from __future__ import annotations

from clustr.kit.measures import Measure
from clustr.notifications.types import Channel

_CHANNELS = ", ".join(f"('{channel}')" for channel in Channel if channel is not Channel.IN_APP)

_WAITING = f"""
WITH due AS (
  SELECT channel, count(*) AS messages, min(next_try_at) AS since FROM notifications_delivery
  WHERE state = 'queued' AND next_try_at <= %(now)s GROUP BY 1)
SELECT c.channel, coalesce(d.messages, 0), greatest(0, coalesce(extract(epoch FROM %(now)s - d.since), 0))
FROM (VALUES {_CHANNELS}) AS c(channel) LEFT JOIN due d USING (channel)
"""
_LOST = f"""
SELECT c.channel, count(*) FILTER (WHERE d.state = 'interrupted'), count(*) FILTER (WHERE d.state = 'failed')
FROM (VALUES {_CHANNELS}) AS c(channel)
LEFT JOIN notifications_delivery d ON d.channel = c.channel AND d.state IN ('interrupted', 'failed') GROUP BY 1
"""
_UNTOLD = """
SELECT count(*), greatest(0, coalesce(extract(epoch FROM %(now)s - min(at)), 0)) FROM notifications_event
WHERE fanned_out_at IS NULL
"""
_CALLS = """
SELECT count(*), greatest(0, coalesce(extract(epoch FROM %(now)s - min(next_try_at)), 0))
FROM notifications_endpointdelivery WHERE state = 'queued' AND next_try_at <= %(now)s
"""

MEASURES = [
    Measure(
        "messages_waiting",
        ("channel",),
        (
            ("clustr_messages_waiting", "Messages to people that are due and wait to be handed over."),
            ("clustr_messages_oldest_waiting_seconds", "How long the oldest of them has been due."),
        ),
        _WAITING,
    ),
    Measure(
        "messages_lost",
        ("channel",),
        (
            ("clustr_messages_interrupted", "Messages of 90 days that may have been handed over; nobody knows."),
            ("clustr_messages_failed", "Messages of 90 days that their server refused, or that were given up."),
        ),
        _LOST,
    ),
    Measure(
        "events_untold",
        (),
        (
            ("clustr_notices_to_fan_out", "Notices whose messages are not all queued yet."),
            ("clustr_notices_oldest_to_fan_out_seconds", "How old the oldest of them is."),
        ),
        _UNTOLD,
    ),
    Measure(
        "webhooks_waiting",
        (),
        (
            ("clustr_webhooks_waiting", "Webhooks that are due and wait to be sent to integrators."),
            ("clustr_webhooks_oldest_waiting_seconds", "How long the oldest of them has been due."),
        ),
        _CALLS,
    ),
]
