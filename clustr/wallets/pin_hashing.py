"""How a PIN is hashed: Argon2id over an HMAC with a pepper that is kept outside the database.

Six digits fall to anyone who holds the hashes, however slow; without the pepper the hashes say nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from django.conf import settings

_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_pin(*, pin: str, cluster_id: UUID, user_id: UUID) -> tuple[str, str]:
    """The hash of a PIN under the newest pepper, and that pepper's id."""
    pepper_id, pepper = next(iter(settings.ENV.peppers.items()))
    return _ARGON2.hash(_mixed(pepper, pin, cluster_id, user_id)), pepper_id


def pin_matches(*, pin: str, hash: str, pepper_id: str, cluster_id: UUID, user_id: UUID) -> bool:
    """Whether this is the PIN; False too when its pepper is not known here."""
    pepper = settings.ENV.peppers.get(pepper_id)
    if pepper is None:
        return False
    try:
        return _ARGON2.verify(hash, _mixed(pepper, pin, cluster_id, user_id))
    except (VerificationError, InvalidHashError):
        return False


def uses_newest_pepper(pepper_id: str) -> bool:
    return pepper_id == next(iter(settings.ENV.peppers))


def _mixed(pepper: bytes, pin: str, cluster_id: UUID, user_id: UUID) -> bytes:
    return hmac.new(pepper, f"{cluster_id}:{user_id}:{pin}".encode(), hashlib.sha256).digest()
