"""Signing webhooks by the Standard Webhooks specification, and the form of their secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(*, message_id: UUID, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers, with one signature for each secret. `at` is the machine's own time, which receivers compare."""
    id, timestamp = f"msg_{message_id.hex}", str(int(at.timestamp()))
    content = f"{id}.{timestamp}.".encode() + body
    signatures = [f"v1,{base64.b64encode(_mac(secret, content)).decode()}" for secret in secrets]
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _mac(secret: str, content: bytes) -> bytes:
    return hmac.new(base64.b64decode(secret.removeprefix(_PREFIX)), content, hashlib.sha256).digest()
