"""PINs: set, change, reset, and the check before every spend.

An attempt is counted, and the lock taken, in its own commit *before* hashing: a request that dies, or that rolls back
later, has still used its attempt. Attempts of one member queue behind a session lock, so that twenty right PINs at once
are twenty right answers and twenty wrong ones are five.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import Busy, refusals_from_database
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.people import commands as people
from clustr.people import queries as people_queries
from clustr.wallets.models import Pin, PinReset
from clustr.wallets.pin_hashing import hash_pin, pin_matches, uses_newest_pepper
from clustr.wallets.policies import ATTEMPTS_PER_LOCK, FRESH_SIGN_IN, UNTIL_RESET, lock_after, refuse_easy_pin
from clustr.wallets.refusals import (
    FreshSignInRequired,
    OldPinRequired,
    PinIncorrect,
    PinLocked,
    PinNotSet,
    PinRequired,
    ResetCodeInvalid,
    WithdrawalsCooling,
)
from clustr.wallets.types import CheckedPin, SpendAuthorization

_CODE_ATTEMPTS = 5
_PATIENCE = 5


def authorize_spend(*, actor: Actor, pin: str, now: datetime) -> SpendAuthorization:
    """Check the PIN that came with a spend; must run outside any transaction. Refuses `PinIncorrect`, `PinLocked`.

    A spend without one needs nothing from here: it refuses `PinRequired` itself where a PIN is set.
    """
    with tenant(actor.cluster_id):
        has_pin = _has_pin(actor)
    if has_pin:
        _check(actor, pin, now)
    return SpendAuthorization(actor.member_id, actor.cluster_id, has_pin)


def require_authorization(*, actor: Actor, authorization: SpendAuthorization | None) -> None:
    """Refuse `PinRequired` where a PIN is set that was not checked; part of the spend's transaction."""
    if not pin_was_checked(actor=actor, authorization=authorization) and _has_pin(actor):
        raise PinRequired


def refuse_while_cooling(*, actor: Actor, now: datetime) -> None:
    """Refuse `WithdrawalsCooling` shortly after a reset, which whoever reads the member's mail could have made; part of
    the withdrawal's transaction."""
    pin = Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, reset_at__isnull=False).first()
    if pin is None or pin.reset_at is None:
        return
    wait = pin.reset_at + timedelta(hours=settings.ENV.PIN_RESET_COOLING_HOURS) - now
    if wait > timedelta(0):
        raise WithdrawalsCooling(retry_after_seconds=ceil(wait.total_seconds()))


def pin_was_checked(*, actor: Actor, authorization: SpendAuthorization | None) -> bool:
    """Whether this authorization, which must be the actor's own, says that the right PIN came with the spend."""
    if authorization is None:
        return False
    if (authorization.user_id, authorization.cluster_id) != (actor.user_id, actor.cluster_id):
        raise AssertionError("a spend was authorized for somebody else")
    return authorization.pin_checked


def set_pin(*, actor: Actor, pin: str, old_pin: str | None, now: datetime) -> None:
    """Set the first PIN, or change it with the present one. Refuses `PinTooEasy`, `OldPinRequired`, `PinIncorrect`."""
    keep_pin(actor=actor, checked=check_new_pin(actor=actor, pin=pin, old_pin=old_pin, now=now), now=now)


def check_new_pin(*, actor: Actor, pin: str, old_pin: str | None, now: datetime) -> CheckedPin:
    """Check a new PIN and what gives the right to set it, outside any transaction: a wrong old PIN stays counted. `keep_pin`
    comes next. Refuses as `set_pin`."""
    refuse_easy_pin(pin=pin, phone=people_queries.contact_of(user_id=actor.member_id).phone)
    with tenant(actor.cluster_id):
        known = Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).first()
    if known and old_pin is None:
        raise OldPinRequired
    if known and old_pin is not None:
        _check(actor, old_pin, now)
    hashed, pepper_id = hash_pin(pin=pin, cluster_id=actor.cluster_id, user_id=actor.member_id)
    return CheckedPin(actor.member_id, hashed, pepper_id, instead_of=known.set_at if known else None)


def keep_pin(*, actor: Actor, checked: CheckedPin, now: datetime) -> None:
    """Set the PIN that `check_new_pin` or `check_pin_reset` let through; may be part of a larger transaction, so that the
    answer to the request commits with it. Refuses `OldPinRequired` and `ResetCodeInvalid` where another was quicker."""
    if checked.user_id != actor.member_id:
        raise AssertionError("a PIN was checked for somebody else")
    with tenant(actor.cluster_id), crash_points("wallets.keep_pin"):
        if checked.reset_id is not None:
            _keep_reset(actor, checked, checked.reset_id, now)
            return
        if checked.instead_of and not _replace(
            actor, checked.hash, checked.pepper_id, now, instead_of=checked.instead_of
        ):
            raise OldPinRequired  # it was changed or reset meanwhile: what was checked is no longer the PIN
        if not checked.instead_of and not _insert(actor, checked.hash, checked.pepper_id, now):
            raise OldPinRequired  # another request set one first
        action = "wallets.pin_changed" if checked.instead_of else "wallets.pin_set"
        audit.record(actor=actor, action=action, subject_kind="user", subject_id=actor.member_id, at=now)


def request_pin_reset(*, actor: Actor, signed_in_at: datetime | None, now: datetime) -> None:
    """Mail a code that resets the PIN. Needs a fresh sign-in. An earlier code stops working."""
    _require_fresh(signed_in_at, now)
    contact = people_queries.contact_of(user_id=actor.member_id)
    code = f"{secrets.randbelow(10**8):08}"
    with tenant(actor.cluster_id), crash_points("wallets.request_pin_reset"):
        if not Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).exists():
            raise PinNotSet
        PinReset.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, used_at=None).delete()
        reset = PinReset(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            expires_at=now + timedelta(minutes=settings.ENV.PIN_RESET_MINUTES),
        )
        reset.code_hash = _code_hash(reset.id, code)
        reset.save(force_insert=True)
        people.write_to(
            user_id=contact.user_id,
            template="wallets/mail/pin_reset",
            context={"name": contact.name, "code": code, "minutes": settings.ENV.PIN_RESET_MINUTES},
            now=now,
        )
        audit.record(
            actor=actor, action="wallets.pin_reset_requested", subject_kind="user", subject_id=actor.member_id, at=now
        )


def reset_pin(*, actor: Actor, code: str, pin: str, signed_in_at: datetime | None, now: datetime) -> None:
    """Set a new PIN with the mailed code, which also lifts every lock. Refuses `ResetCodeInvalid`, `PinTooEasy`."""
    checked = check_pin_reset(actor=actor, code=code, pin=pin, signed_in_at=signed_in_at, now=now)
    keep_pin(actor=actor, checked=checked, now=now)


def check_pin_reset(*, actor: Actor, code: str, pin: str, signed_in_at: datetime | None, now: datetime) -> CheckedPin:
    """Check a new PIN and the mailed code, outside any transaction: a wrong code stays counted. `keep_pin` comes next.
    Refuses as `reset_pin`."""
    _require_fresh(signed_in_at, now)
    refuse_easy_pin(pin=pin, phone=people_queries.contact_of(user_id=actor.member_id).phone)
    reset = _take_code_attempt(actor, now)
    if reset is None or not hmac.compare_digest(bytes(reset.code_hash), _code_hash(reset.id, code)):
        raise ResetCodeInvalid
    hashed, pepper_id = hash_pin(pin=pin, cluster_id=actor.cluster_id, user_id=actor.member_id)
    return CheckedPin(actor.member_id, hashed, pepper_id, reset_id=reset.id)


def _keep_reset(actor: Actor, checked: CheckedPin, reset_id: UUID, now: datetime) -> None:
    if not PinReset.objects.filter(id=reset_id, used_at=None).update(used_at=now):
        raise ResetCodeInvalid  # used by another request in the same instant
    _replace(actor, checked.hash, checked.pepper_id, now)
    Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).update(reset_at=now)
    _tell(actor, NotificationEvents.PIN_RESET, {"hours": settings.ENV.PIN_RESET_COOLING_HOURS}, now)
    audit.record(actor=actor, action="wallets.pin_reset", subject_kind="user", subject_id=actor.member_id, at=now)


def _has_pin(actor: Actor) -> bool:
    return Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).exists()


def _check(actor: Actor, pin: str, now: datetime) -> None:
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
            raise PinIncorrect(
                "The PIN is wrong, and spending is now locked."
                if left == ATTEMPTS_PER_LOCK
                else f"The PIN is wrong; {left} more wrong {'try' if left == 1 else 'tries'} will lock spending."
            )
        with tenant(actor.cluster_id):
            Pin.objects.filter(id=taken.id).update(failed_attempts=0, locked_until=None)
            if not uses_newest_pepper(taken.pepper_id):
                hashed, pepper_id = hash_pin(pin=pin, cluster_id=actor.cluster_id, user_id=actor.member_id)
                Pin.objects.filter(id=taken.id, hash=taken.hash).update(hash=hashed, pepper_id=pepper_id)


def _take_attempt(actor: Actor, now: datetime) -> Pin:
    """Count the attempt and take the lock it brings, in a commit of its own."""
    _refuse_transaction()
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
        _tell(actor, NotificationEvents.PIN_LOCKED, {"attempts": locked.failed_attempts, "minutes": minutes}, now)


def _tell(actor: Actor, event: NotificationEvents, facts: dict[str, int | None], now: datetime) -> None:
    audience = Audience.one(actor.member_id)
    notify(event=event, cluster_id=actor.cluster_id, audience=audience, subject_id=None, facts=facts, now=now)


@contextmanager
def _one_at_a_time(actor: Actor) -> Iterator[None]:
    try:
        _queue(f"pin:{actor.cluster_id}:{actor.member_id}")
        yield
    finally:
        _let_go()


def _let_go() -> None:
    """Give the session's lock back, also one that was given in the instant its wait was cancelled. A connection that
    cannot is closed for good: it must not be the next request's, with somebody's lock on it."""
    held = connection.connection
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    except BaseException:
        if held is not None:
            held.close()
        raise


def _queue(name: str) -> None:
    """Wait for one's turn, some lock timeouts long: each check before takes as long as its hash."""
    for patience in range(_PATIENCE, -1, -1):
        try:
            with refusals_from_database(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
                return
        except Busy:
            if not patience:
                raise


def _refuse_transaction() -> None:
    if connection.in_atomic_block:
        raise RuntimeError(
            "an attempt must stay counted whatever becomes of the request: take it before its transaction"
        )


def _take_code_attempt(actor: Actor, now: datetime) -> PinReset | None:
    _refuse_transaction()
    with tenant(actor.cluster_id):
        reset = (
            PinReset.objects.select_for_update()
            .filter(cluster_id=actor.cluster_id, user_id=actor.member_id, used_at=None, expires_at__gt=now)
            .order_by("-expires_at")
            .first()
        )
        if reset is None or reset.attempts >= _CODE_ATTEMPTS:
            return None
        PinReset.objects.filter(id=reset.id).update(attempts=F("attempts") + 1)
    return reset


def _insert(actor: Actor, hashed: str, pepper_id: str, now: datetime) -> bool:
    made = Pin(
        id=new_id(),
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        hash=hashed,
        pepper_id=pepper_id,
        set_at=now,
    )
    Pin.objects.bulk_create([made], ignore_conflicts=True)
    return Pin.objects.filter(id=made.id).exists()


def _replace(actor: Actor, hashed: str, pepper_id: str, now: datetime, *, instead_of: datetime | None = None) -> bool:
    """Set another PIN; with `instead_of`, only in place of the one that was set then."""
    pins = Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    if instead_of is not None:
        pins = pins.filter(set_at=instead_of)
    return bool(pins.update(hash=hashed, pepper_id=pepper_id, set_at=now, failed_attempts=0, locked_until=None))


def _require_fresh(signed_in_at: datetime | None, now: datetime) -> None:
    if signed_in_at is None or now - signed_in_at > FRESH_SIGN_IN:
        raise FreshSignInRequired


def _code_hash(reset_id: UUID, code: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"pin-reset:{reset_id}:{code}".encode(), hashlib.sha256).digest()
