"""SMS and WhatsApp, as lines of the log: for trying out. A real service is another sender behind the same port."""

from __future__ import annotations

import structlog

from clustr.notifications.channels.port import Outgoing
from clustr.notifications.types import Channel

log = structlog.get_logger(__name__)


class ConsoleSender:
    """Writes what it would send to the log, the number but for its end."""

    repeatable = True

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def send(self, message: Outgoing) -> None:
        log.info("message_to_telephone", channel=self.channel, ending=message.address[-3:], text=message.text)

    def close(self) -> None:
        return
