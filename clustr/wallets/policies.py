"""Pure rules of wallets: which PINs are too easy, how long a lock lasts, who may decide about whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from clustr.kit.money import Money
from clustr.wallets.refusals import PinTooEasy, SeparationOfDuties

PIN_DIGITS = 6
ATTEMPTS_PER_LOCK = 5
ATTEMPTS_UNTIL_RESET = 15
FIRST_LOCK = timedelta(minutes=15)
UNTIL_RESET = datetime(9999, 1, 1, tzinfo=UTC)
FRESH_SIGN_IN = timedelta(minutes=10)

_COMMON = frozenset(
    {"159753", "147258", "258369", "789456", "456789", "147852", "963852", "696969", "101010", "102030"}
)


def refuse_easy_pin(*, pin: str, phone: str) -> None:
    """Refuse PINs that people guess first: runs, repeats, keypad patterns, the end of one's own phone number."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeats = pin[:2] * 3 == pin or pin[:3] * 2 == pin or len(set(pin)) <= 2
    pairs = pin[0::2] == pin[1::2]
    phone_digits = "".join(filter(str.isdigit, phone))
    in_phone = len(phone_digits) >= PIN_DIGITS and pin in phone_digits
    years = pin[:4] in {str(year) for year in range(1930, 2031)} and pin[4:] in {pin[:2], pin[2:4]}
    if len(steps) == 1 or repeats or pairs or pin in _COMMON or pin == pin[::-1] or in_phone or years:
        raise PinTooEasy


def lock_after(failed_attempts: int, *, now: datetime) -> datetime | None:
    """Until when this many failures in a row lock spending: 15 min at 5, doubled at 10, until a reset from 15 on."""
    if failed_attempts >= ATTEMPTS_UNTIL_RESET:
        return UNTIL_RESET
    if failed_attempts % ATTEMPTS_PER_LOCK:
        return None
    doublings: int = failed_attempts // ATTEMPTS_PER_LOCK - 1
    return now + FIRST_LOCK * (1 << doublings)


def needs_second_person(*, amount: Money, limit: Money | None) -> bool:
    """Whether a transfer out of the cluster's wallet waits for another person: above the cluster's limit."""
    return limit is not None and limit < amount


def refuse_own_affair(*, actor_id: UUID | None, concerned_id: UUID | None) -> None:
    """Refuse to let somebody decide about money of their own."""
    if actor_id is not None and actor_id == concerned_id:
        raise SeparationOfDuties
