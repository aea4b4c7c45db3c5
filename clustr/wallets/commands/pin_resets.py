"""A forgotten PIN: a code by mail, few attempts at it, and the new PIN."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people import commands as people
from clustr.people import queries as people_queries
from clustr.wallets.commands.pin_attempts import refuse_enclosing_transaction
from clustr.wallets.commands.pins import keep_pin
from clustr.wallets.models import Pin, PinReset
from clustr.wallets.pin_hashing import hash_pin
from clustr.wallets.policies import FRESH_SIGN_IN, refuse_easy_pin
from clustr.wallets.refusals import FreshSignInRequired, PinNotSet, ResetCodeInvalid
from clustr.wallets.types import CheckedPin

_CODE_ATTEMPTS = 5


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


def _take_code_attempt(actor: Actor, now: datetime) -> PinReset | None:
    refuse_enclosing_transaction()
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


def _require_fresh(signed_in_at: datetime | None, now: datetime) -> None:
    if signed_in_at is None or now - signed_in_at > FRESH_SIGN_IN:
        raise FreshSignInRequired


def _code_hash(reset_id: UUID, code: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"pin-reset:{reset_id}:{code}".encode(), hashlib.sha256).digest()
