"""What may be done with notices. The only writer of the room."""

from __future__ import annotations

from clustr.notifications.commands.calling import call_endpoints
from clustr.notifications.commands.delivering import SLICE_SECONDS, deliver, release_claims
from clustr.notifications.commands.digests import make_digests
from clustr.notifications.commands.endpoints import (
    create_endpoint,
    disable_endpoint,
    enable_endpoint,
    remove_endpoint,
    rotate_secret,
    send_again,
)
from clustr.notifications.commands.fanning_out import fan_out
from clustr.notifications.commands.forgetting import drop_old_notices
from clustr.notifications.commands.notifying import Notice, notify, notify_each
from clustr.notifications.commands.reading import choose_notifications, mark_all_read, mark_read

__all__ = [
    "SLICE_SECONDS",
    "Notice",
    "call_endpoints",
    "choose_notifications",
    "create_endpoint",
    "deliver",
    "disable_endpoint",
    "drop_old_notices",
    "enable_endpoint",
    "fan_out",
    "make_digests",
    "mark_all_read",
    "mark_read",
    "notify",
    "notify_each",
    "release_claims",
    "remove_endpoint",
    "rotate_secret",
    "send_again",
]
