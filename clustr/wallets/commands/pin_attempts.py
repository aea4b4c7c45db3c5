"""Attempts at a PIN: counted, locked out, one after the other.

An attempt is counted, and the lock taken, in its own commit *before* hashing: a request that dies, or that rolls back
later, has still used its attempt. Attempts of one member queue behind a session lock, so that twenty right PINs at once
are twenty right answers and twenty wrong ones are five.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from math import ceil

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.session_locks import in_turn
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.wallets.models import Pin
from clustr.wallets.pin_hashing import hash_pin, pin_matches, uses_newest_pepper
from clustr.wallets.policies import ATTEMPTS_PER_LOCK, UNTIL_RESET, lock_after
from clustr.wallets.refusals import PinIncorrect, PinLocked


def check_pin(*, actor: Actor, pin: str, now: datetime) -> None:
    """Compare with the PIN that is set; outside any transaction. Refuses `PinIncorrect`, `PinLocked`."""
    with _one_at_a_time(actor):
        taken = _take_attempt(actor, now)
        right = pin_matches(
            pin=pin,
            hash=taken.hash,
            pepper_id=taken.pepper_id,
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
        )
        if not right:
            if taken.failed_attempts % ATTEMPTS_PER_LOCK == 0:
                _tell_of_lock(actor, taken, now)
            left = ATTEMPTS_PER_LOCK - taken.failed_attempts % ATTEMPTS_PER_LOCK
            if left == ATTEMPTS_PER_LOCK:
                raise PinIncorrect("The PIN is wrong, and spending is now locked.")
            if left == 1:
                raise PinIncorrect("The PIN is wrong; 1 more wrong try will lock spending.")
            raise PinIncorrect("The PIN is wrong; {left} more wrong tries will lock spending.", left=left)
        with tenant(actor.cluster_id):
            Pin.objects.filter(id=taken.id).update(failed_attempts=0, locked_until=None)
            if not uses_newest_pepper(taken.pepper_id):
                hashed, pepper_id = hash_pin(pin=pin, cluster_id=actor.cluster_id, user_id=actor.member_id)
                Pin.objects.filter(id=taken.id, hash=taken.hash).update(hash=hashed, pepper_id=pepper_id)


def _take_attempt(actor: Actor, now: datetime) -> Pin:
    """Count the attempt and take the lock it brings, in a commit of its own."""
    refuse_enclosing_transaction()
    with tenant(actor.cluster_id):
        pin = Pin.objects.select_for_update().get(cluster_id=actor.cluster_id, user_id=actor.member_id)
        if pin.locked_until is not None and pin.locked_until > now:
            if pin.locked_until == UNTIL_RESET:
                raise PinLocked("Spending is locked until the PIN is reset.")
            wait = pin.locked_until - now
            raise PinLocked(retry_after_seconds=int(wait.total_seconds()) + 1)
        pin.failed_attempts += 1
        pin.locked_until = lock_after(pin.failed_attempts, now=now) or pin.locked_until
        pin.save(update_fields=["failed_attempts", "locked_until"])
    return pin


def _tell_of_lock(actor: Actor, locked: Pin, now: datetime) -> None:
    until = locked.locked_until
    minutes = None if until is None or until == UNTIL_RESET else ceil((until - now).total_seconds() / 60)
    with tenant(actor.cluster_id):
        facts = {"attempts": locked.failed_attempts, "minutes": minutes}
        tell_of_pin(actor=actor, event=NotificationEvents.PIN_LOCKED, facts=facts, now=now)


def tell_of_pin(*, actor: Actor, event: NotificationEvents, facts: dict[str, int | None], now: datetime) -> None:
    """Tell the member what happened to their PIN; part of the transaction in which it did."""
    audience = Audience.one(actor.member_id)
    notify(event=event, cluster_id=actor.cluster_id, audience=audience, subject_id=None, facts=facts, now=now)


def _one_at_a_time(actor: Actor) -> AbstractContextManager[None]:
    return in_turn(name=f"pin:{actor.cluster_id}:{actor.member_id}", what="a member's PIN")


def refuse_enclosing_transaction() -> None:
    """Refuse to count an attempt that a transaction around it could undo: a bug."""
    if connection.in_atomic_block:
        raise RuntimeError(
            "an attempt must stay counted whatever becomes of the request: take it before its transaction"
        )
