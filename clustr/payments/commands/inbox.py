"""The inbox: providers' webhooks, stored as they came before anything is done about them."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.vault import seal
from clustr.payments.models import Notice
from clustr.payments.providers.nouns import Notice as ReadNotice
from clustr.payments.schedule import next_notice_attempt
from clustr.payments.states import NoticeState

_PLAIN = re.compile(r"[!-~]{1,200}", re.ASCII)
_STORE = """
INSERT INTO payments_notice (id, provider, digest, body, source, received_at, kind, reference, provider_id, next_attempt_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (provider, digest) DO UPDATE SET deliveries = payments_notice.deliveries + 1
RETURNING id, deliveries
"""


def receive_notice(*, provider: str, read: ReadNotice, body: bytes, source: str | None, now: datetime) -> UUID:
    """Store a webhook whose signature was checked, and ask the worker to act on it, in one commit.

    `read` is what the adapter read from it. The same bytes again are one more delivery of the same notice, and nothing more. The body is sealed: it speaks of people.
    """
    notice_id = new_id()
    with transaction.atomic(durable=True), crash_points("payments.receive_notice"):
        with connection.cursor() as cursor:
            cursor.execute(
                _STORE,
                [
                    notice_id,
                    provider,
                    hashlib.sha256(body).digest(),
                    seal(b64encode(body).decode(), bound_to=notice_place(notice_id=notice_id)),
                    source,
                    now,
                    read.kind.value,
                    _plain(read.reference),
                    _plain(read.provider_id),
                    next_notice_attempt(attempts=0, now=now),
                ],
            )
            stored, deliveries = cursor.fetchone()
        if deliveries == 1:
            enqueue("settlement.handle_notice", notice_id=stored)
    return UUID(str(stored))


def finish_notice(*, notice_id: UUID, state: NoticeState) -> None:
    """Nothing is left to be done about this notice: it was acted on, or says nothing that concerns us."""
    Notice.objects.filter(id=notice_id).update(state=state.value, next_attempt_at=None)


def postpone_notice(*, notice_id: UUID, attempts: int, now: datetime) -> None:
    """It could not be acted on yet: try again later, ever more seldom, and never give up."""
    Notice.objects.filter(id=notice_id, state=NoticeState.WAITING).update(
        attempts=attempts + 1, next_attempt_at=next_notice_attempt(attempts=attempts + 1, now=now)
    )


def forget_old_notices(*, before: datetime) -> int:
    """Delete notices that were finished and came before this; what they led to is kept elsewhere."""
    deleted, _ = Notice.objects.filter(received_at__lt=before).exclude(state=NoticeState.WAITING).delete()
    return deleted


def _plain(told: str) -> str:
    """A reference or an id as anybody writes one; what is none is nothing, and the database need not know how to hold it."""
    return told if _PLAIN.fullmatch(told) else ""


def notice_place(*, notice_id: UUID) -> str:
    """The place a notice's body is sealed for."""
    return f"payments_notice:{notice_id}"
