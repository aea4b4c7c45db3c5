"""What may be done with notices. The only writer of the room."""

from __future__ import annotations

from clustr.notifications.commands.delivering import SLICE_SECONDS, deliver, release_claims
from clustr.notifications.commands.digests import make_digests
from clustr.notifications.commands.fanning_out import fan_out
from clustr.notifications.commands.forgetting import drop_old_notices
from clustr.notifications.commands.notifying import Notice, notify, notify_each
from clustr.notifications.commands.reading import choose_notifications, mark_all_read, mark_read

__all__ = [
    "SLICE_SECONDS",
    "Notice",
    "choose_notifications",
    "deliver",
    "drop_old_notices",
    "fan_out",
    "make_digests",
    "mark_all_read",
    "mark_read",
    "notify",
    "notify_each",
    "release_claims",
]
