"""Slows down guessing: sign-in attempts are counted by account and by address, across all processes.

An attempt is taken *before* the password is hashed and given back if it was right, in one atomic statement each, so
that a burst of parallel guesses has no more tries than a patient one. Tries of one account queue.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.db import connection

from clustr.kit.networks import network_of
from clustr.kit.session_locks import in_turn

WINDOW_SECONDS = 300

_TAKE = """
INSERT INTO people_cache AS c (key, value, expires_at)
SELECT taken.key, '1', now() + make_interval(secs => %s) FROM unnest(%s::text[]) AS taken (key) ORDER BY 1
ON CONFLICT (key) DO UPDATE SET
  value = CASE WHEN c.expires_at > now() THEN to_jsonb((c.value)::int + 1) ELSE '1' END,
  expires_at = CASE WHEN c.expires_at > now() THEN c.expires_at ELSE excluded.expires_at END
RETURNING c.key, (c.value)::int, extract(epoch FROM c.expires_at - now())::float8"""
_GIVE_BACK = """
UPDATE people_cache SET value = to_jsonb(greatest((value)::int - 1, 0))
WHERE key IN (SELECT key FROM people_cache WHERE key = ANY(%s) ORDER BY key FOR UPDATE)"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in. `wait_seconds` is None if it may go ahead."""

    keys: tuple[str, str]
    wait_seconds: int | None


def one_at_a_time(*, email: str) -> AbstractContextManager[None]:
    """Within the block nobody else tries to sign in to this account: who comes meanwhile waits, so that right passwords at
    once are not taken for failures."""
    return in_turn(name=_account_key(email), what="a sign-in")


def take_attempt(*, email: str, address: str) -> Attempt:
    """Count a try, and say whether it is one too many."""
    account, origin = _account_key(email), f"sign-in:address:{network_of(address)}"
    env = settings.ENV
    limits = {account: env.THROTTLE_SIGN_IN_PER_ACCOUNT, origin: env.THROTTLE_SIGN_IN_PER_ADDRESS}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [WINDOW_SECONDS, list(limits)])
        waits = [left for key, taken, left in cursor.fetchall() if taken > limits[key]]
    return Attempt((account, origin), max(1, math.ceil(max(waits))) if waits else None)


def give_back(attempt: Attempt) -> None:
    """The password was right: this try does not count."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, [list(attempt.keys)])


def forget_attempts(*, email: str) -> None:
    """The account's owner has set a new password: earlier guesses no longer keep them out."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM people_cache WHERE key = %s", [_account_key(email)])


def _account_key(email: str) -> str:
    return f"sign-in:account:{sha256(email.strip().lower().encode()).hexdigest()}"
