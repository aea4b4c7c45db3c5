"""What a sender promises, and the two ways in which it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from clustr.notifications.types import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one person. `message_id`: the same whenever this message is handed over. `html`: for mail only."""

    message_id: UUID
    address: str
    subject: str
    text: str
    html: str = ""


class NotSent(Exception):
    """Surely not handed over. `again`: another try may succeed. `why` is a word of ours, safe to log."""

    def __init__(self, why: str, *, again: bool) -> None:
        super().__init__(why)
        self.why = why
        self.again = again


class MaybeSent(Exception):
    """It may have been handed over, which nobody knows. `why` is a word of ours."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sender(Protocol):
    """Hands messages of one channel over. `repeatable`: handing over the same `message_id` twice makes one message."""

    channel: Channel
    repeatable: bool

    def send(self, message: Outgoing) -> None:
        """Hand over; raises `NotSent` or `MaybeSent`. Outside any transaction."""

    def close(self) -> None:
        """Give a connection back, if one is open."""
