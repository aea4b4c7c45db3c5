"""Attempts: what is asked of a provider, when it was sent and heard, and when to ask for the truth again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from clustr.kit.ids import new_id
from clustr.kit.tenancy import current_tenant
from clustr.payments.models import Attempt, Exchange, Transaction
from clustr.payments.schedule import first_check
from clustr.payments.states import AttemptKind


def open_attempt(
    *,
    transaction: Transaction,
    kind: AttemptKind,
    payable_until: datetime,
    now: datetime,
    surcharge_minor: int = 0,
    terms_version: int | None = None,
    request_id: UUID | None = None,
    request_digest: bytes | None = None,
    method_id: UUID | None = None,
    save_card: bool = False,
    callback_url: str = "",
    send_at: datetime | None = None,
) -> Attempt:
    """Record, before anything is sent, what will be asked of the transaction's provider. The first look at what became of
    it is scheduled at once, so that a process that dies next is found. `send_at`: not to be sent before. `save_card`: whoever pays asked that their card be
    kept."""
    return Attempt.objects.create(
        id=transaction.id,
        cluster_id=current_tenant(),
        kind=kind.value,
        provider=transaction.provider,
        reference=provider_reference_of(transaction=transaction),
        surcharge_minor=surcharge_minor,
        terms_version=terms_version,
        request_id=request_id,
        request_digest=request_digest,
        method_id=method_id,
        save_card=save_card,
        callback_url=callback_url,
        started_at=now,
        payable_until=payable_until,
        next_check_at=send_at or first_check(now=now),
    )


def provider_reference_of(*, transaction: Transaction) -> str:
    """The reference a provider knows the transaction by: its own, in small letters, which every provider takes."""
    return transaction.reference.lower()


def send_attempt(*, transaction_id: UUID, now: datetime) -> None:
    """Note that the call is about to be made. From now on silence means unknown, and what was not found before counts no
    more."""
    _attempt(transaction_id).update(sent_at=now, misses=0)


def unsend_attempt(*, transaction_id: UUID, sent_at: datetime | None = None) -> bool:
    """Note that the call was not made after all, which is certain: it may be at any time. With `sent_at`, only the call that
    was noted at this instant; answers False where it was sent since."""
    attempts = _attempt(transaction_id)
    return bool((attempts if sent_at is None else attempts.filter(sent_at=sent_at)).update(sent_at=None))


def keep_checkout(*, transaction_id: UUID, checkout_url: str, now: datetime) -> None:
    """Keep the address where the payer pays."""
    _attempt(transaction_id).update(checkout_url=checkout_url, heard_at=now)


def hear_attempt(*, transaction_id: UUID, next_check_at: datetime | None, missed: bool, now: datetime) -> None:
    """Count an answer about the attempt, and say when to ask again. `missed`: the provider knows nothing of it."""
    changes: dict[str, Any] = {"misses": F("misses") + 1} if missed else {"misses": 0}
    _attempt(transaction_id).update(checks=F("checks") + 1, heard_at=now, next_check_at=next_check_at, **changes)


def schedule_check(*, transaction_id: UUID, next_check_at: datetime) -> None:
    """Ask again at this instant; for when no answer came."""
    _attempt(transaction_id).update(checks=F("checks") + 1, next_check_at=next_check_at)


def end_checks(*, transaction_id: UUID) -> None:
    """Nothing can come of this attempt any more."""
    _attempt(transaction_id).update(next_check_at=None)


def note_exchange(*, transaction_id: UUID, act: str, outcome: str, answer: Mapping[str, Any], now: datetime) -> None:
    """Keep what a provider answered. `answer` has no secrets and no card numbers; the adapter took them out."""
    Exchange.objects.create(
        id=new_id(),
        cluster_id=current_tenant(),
        transaction_id=transaction_id,
        act=act,
        outcome=outcome,
        answer=dict(answer),
        at=now,
    )


def _attempt(transaction_id: UUID) -> Any:
    return Attempt.objects.filter(cluster_id=current_tenant(), id=transaction_id)
