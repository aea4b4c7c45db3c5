"""E-mail: by Django's own sender (SMTP, or a service through django-anymail), or as files of the demonstration."""

from __future__ import annotations

import os
import re
import smtplib
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from clustr.kit.outbound import refuse_inside_transaction
from clustr.notifications.channels.port import MaybeSent, NotSent, Outgoing
from clustr.notifications.types import Channel

_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")


def composed(message: Outgoing, *, connection: Any = None) -> EmailMultiAlternatives:
    """The mail: plain text with the same words as HTML, under an id that stays the same when it is handed over again."""
    host = _UNSAFE.sub("", parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]) or "localhost"
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        to=[message.address],
        headers={"Message-ID": f"<{message.message_id}@{host}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    mail.attach_alternative(message.html, "text/html")
    return mail


class MailSender:
    """By Django's EMAIL_BACKEND, one connection for many messages. What a server refused was not sent; a connection
    lost in the middle leaves it unknown."""

    channel = Channel.EMAIL
    repeatable = False

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def send(self, message: Outgoing) -> None:
        refuse_inside_transaction()
        connection = self._opened()
        try:
            composed(message, connection=connection).send()
        except smtplib.SMTPRecipientsRefused as error:
            self.close()
            codes = [code for code, _ in error.recipients.values()]
            raise NotSent("recipient_refused", again=bool(codes) and max(codes) < 500) from None
        except smtplib.SMTPResponseException as error:
            self.close()
            raise NotSent(f"smtp_{error.smtp_code}", again=400 <= error.smtp_code < 500) from None
        except Exception as error:
            self.close()
            raise _meaning(error) from error

    def _opened(self) -> BaseEmailBackend:
        if self._connection is None:
            connection = get_connection()
            try:
                connection.open()
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent
                raise NotSent(f"no_connection_{type(error).__name__}", again=True) from None
            self._connection = connection
        return self._connection

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (smtplib.SMTPException, OSError):
                return  # it is gone already


_WRONG_MESSAGE = frozenset({400, 406, 413, 422})
"""What a service answers to a message it will never take; its other refusals are about the account, and pass."""


def _meaning(error: Exception) -> Exception:
    """What it means that the server or service raised this in the middle. Anymail's errors name the HTTP status that the
    service answered with, where it did."""
    if not type(error).__module__.startswith("anymail."):
        return MaybeSent(type(error).__name__) if isinstance(error, smtplib.SMTPException | OSError) else error
    if type(error).__name__ in ("AnymailRecipientsRefused", "AnymailSerializationError", "AnymailInvalidAddress"):
        return NotSent("refused_by_service", again=False)
    status = getattr(error, "status_code", None)
    if status is None or status >= 500:
        return MaybeSent("service_trouble")
    return NotSent(f"service_{status}", again=status not in _WRONG_MESSAGE)


class FileSender:
    """Into the mail folder of the demonstration: one file for a message, named by its id, so that twice is once."""

    channel = Channel.EMAIL
    repeatable = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: Outgoing) -> None:
        refuse_inside_transaction()
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f".{message.message_id}.{os.getpid()}"
        partial.write_bytes(composed(message).message().as_bytes() + b"\n")
        partial.replace(self._folder / f"{message.message_id}.eml")

    def close(self) -> None:
        return
