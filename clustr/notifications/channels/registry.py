"""The senders this server has, by channel."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from clustr.notifications.channels.console import ConsoleSender
from clustr.notifications.channels.email import FileSender, MailSender
from clustr.notifications.channels.port import Sender
from clustr.notifications.types import Channel

_FILES = "django.core.mail.backends.filebased.EmailBackend"


def offered() -> frozenset[Channel]:
    """The channels this server can send on; the list in the app needs no sender."""
    senders = {
        Channel.EMAIL: settings.EMAIL_BACKEND,
        Channel.SMS: settings.ENV.SMS_SENDER,
        Channel.WHATSAPP: settings.ENV.WHATSAPP_SENDER,
    }
    return frozenset(channel for channel, sender in senders.items() if sender)


def sender_of(channel: Channel) -> Sender:
    """A fresh sender of this channel, which keeps its own connection."""
    match channel:
        case Channel.EMAIL if settings.EMAIL_BACKEND == _FILES:
            return FileSender(Path(settings.EMAIL_FILE_PATH))
        case Channel.EMAIL:
            return MailSender()
        case Channel.SMS | Channel.WHATSAPP:
            return ConsoleSender(channel)
        case Channel.IN_APP:
            raise AssertionError("the list in the app is read, not sent")
