"""PINs: set and change, and the check before every spend. `pin_attempts` counts, `pin_resets` is for who forgot theirs."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.people import queries as people_queries
from clustr.wallets.commands.pin_attempts import check_pin, tell_of_pin
from clustr.wallets.member_queries import withdrawals_rest_until
from clustr.wallets.models import Pin, PinReset
from clustr.wallets.pin_hashing import hash_pin
from clustr.wallets.policies import refuse_easy_pin
from clustr.wallets.refusals import OldPinRequired, PinRequired, ResetCodeInvalid, WithdrawalsCooling
from clustr.wallets.types import CheckedPin, SpendAuthorization


def authorize_spend(*, actor: Actor, pin: str, now: datetime) -> SpendAuthorization:
    """Check the PIN that came with a spend; must run outside any transaction. Refuses `PinIncorrect`, `PinLocked`.

    A spend without one needs nothing from here: it refuses `PinRequired` itself where a PIN is set.
    """
    with tenant(actor.cluster_id):
        has_pin = _has_pin(actor)
    if has_pin:
        check_pin(actor=actor, pin=pin, now=now)
    return SpendAuthorization(actor.member_id, actor.cluster_id, has_pin)


def require_authorization(*, actor: Actor, authorization: SpendAuthorization | None) -> None:
    """Refuse `PinRequired` where a PIN is set that was not checked; part of the spend's transaction."""
    if not pin_was_checked(actor=actor, authorization=authorization) and _has_pin(actor):
        raise PinRequired


def refuse_while_cooling(*, actor: Actor, now: datetime) -> None:
    """Refuse `WithdrawalsCooling` shortly after a reset, which whoever reads the member's mail could have made; part of
    the withdrawal's transaction."""
    rests_until = withdrawals_rest_until(actor=actor)
    if rests_until is not None and rests_until > now:
        raise WithdrawalsCooling(retry_after_seconds=ceil((rests_until - now).total_seconds()))


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
        check_pin(actor=actor, pin=old_pin, now=now)
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


def _keep_reset(actor: Actor, checked: CheckedPin, reset_id: UUID, now: datetime) -> None:
    if not PinReset.objects.filter(id=reset_id, used_at=None).update(used_at=now):
        raise ResetCodeInvalid  # used by another request in the same instant
    _replace(actor, checked.hash, checked.pepper_id, now)
    Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).update(reset_at=now)
    tell_of_pin(
        actor=actor, event=NotificationEvents.PIN_RESET, facts={"hours": settings.ENV.PIN_RESET_COOLING_HOURS}, now=now
    )
    audit.record(actor=actor, action="wallets.pin_reset", subject_kind="user", subject_id=actor.member_id, at=now)


def _has_pin(actor: Actor) -> bool:
    return Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id).exists()


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
