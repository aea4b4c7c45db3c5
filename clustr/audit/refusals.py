"""How the trail and the first answers refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"
    field = "Idempotency-Key"


class RequestInProgress(Conflict):
    """The first request with this Idempotency-Key is still running."""

    code = "request_in_progress"


class InvalidIdempotencyKey(Invalid):
    """One Idempotency-Key, of 1 to 255 printable ASCII characters without a comma."""

    code = "invalid_idempotency_key"
    field = "Idempotency-Key"
