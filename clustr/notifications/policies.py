"""Rules of messages without a database: the id a message keeps, and when it is tried again."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from clustr.kit.ids import derived_id
from clustr.notifications.types import Channel

_PAUSES_MINUTES = (1, 2, 5, 15, 30, 60, 120, 240, 480, 960)
"""A mail server that is away for a day and a half loses nothing."""


def message_id(*, event_id: UUID, channel: Channel, user_id: UUID) -> UUID:
    """The id of the one message about this event to this person on this channel."""
    return derived_id("notification", event_id, channel, user_id)


def pause_after(*, attempts: int) -> timedelta | None:
    """How long to wait after so many tries before the next; None: give up."""
    return timedelta(minutes=_PAUSES_MINUTES[attempts - 1]) if 1 <= attempts <= len(_PAUSES_MINUTES) else None


_CALL_PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between the tries of one webhook: over three days in all, as the Standard Webhooks specification proposes."""


def pause_after_call(*, attempts: int) -> timedelta | None:
    """How long to wait after so many tries of a webhook before the next; None: give up."""
    return timedelta(seconds=_CALL_PAUSES_SECONDS[attempts - 1]) if 1 <= attempts <= len(_CALL_PAUSES_SECONDS) else None
