"""Sealing: bank, meter and identity numbers at rest, with AES-256-GCM.

A sealed value is `key id`, NUL, nonce, ciphertext. It opens only in the place it was sealed for (`bound_to`), so a value
copied to another row stays closed. Keys rotate: the newest seals, all open.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


def seal(plain: str, *, bound_to: str) -> bytes:
    """Encrypt a value for the one place named by `bound_to` (such as "wallets_payout:<id>")."""
    key_id, key = next(iter(settings.ENV.encryption_keys.items()))
    nonce = os.urandom(_NONCE_BYTES)
    return key_id.encode() + b"\0" + nonce + AESGCM(key).encrypt(nonce, plain.encode(), bound_to.encode())


def unseal(sealed: bytes, *, bound_to: str) -> str:
    """Open a value sealed for this place; raises cryptography's InvalidTag for any other."""
    key_id, _, rest = bytes(sealed).partition(b"\0")
    key = settings.ENV.encryption_keys[key_id.decode()]
    return AESGCM(key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], bound_to.encode()).decode()
