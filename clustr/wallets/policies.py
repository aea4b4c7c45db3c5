"""Pure rules of wallets: which PINs are too easy, how long a lock lasts, who may decide about whom, whether a
bank account is whose it was said to be."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from clustr.kit.money import Money
from clustr.wallets.refusals import PinTooEasy, SeparationOfDuties
from clustr.wallets.types import Destination, NameCheck

PIN_DIGITS = 6
ATTEMPTS_PER_LOCK = 5
ATTEMPTS_UNTIL_RESET = 15
FIRST_LOCK = timedelta(minutes=15)
UNTIL_RESET = datetime(9999, 1, 1, tzinfo=UTC)
FRESH_SIGN_IN = timedelta(minutes=10)
ALONE = timedelta(hours=24)
"""How long what was sent without a second person counts towards the limit above which one is needed."""

_COMMON = frozenset(
    {"159753", "147258", "258369", "789456", "456789", "147852", "963852", "696969", "101010", "102030"}
)

_TELLING_WORDS = 2
"""So many words of a longer name say whose it is; one alone does not."""
_LETTERS_LEFT = 4
_NOT_TELLING = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "prof", "chief", "alhaji", "alhaja", "engr", "barr", "and", "the", "of"}
    | {
        "ltd",
        "limited",
        "plc",
        "inc",
        "llc",
        "nig",
        "nigeria",
        "company",
        "co",
        "enterprise",
        "enterprises",
        "ventures",
    }
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


def needs_second_person(*, amount: Money, sent_alone: Money, limit: Money | None) -> bool:
    """Whether a transfer out of the cluster's wallet waits for another person: with what went lately without one, it is
    above the cluster's limit."""
    return limit is not None and limit < sent_alone + amount


def check_name(*, destination: Destination) -> NameCheck:
    """Whether the typed name is the bank's, by the words that tell one from another: in any order, in capitals or not, some
    left out or cut short, as banks do."""
    if not destination.holder:
        return NameCheck.NOT_CHECKED
    if not destination.account_name:
        return NameCheck.UNNAMED
    fewer, more = sorted((_words(destination.account_name), _words(destination.holder)), key=len)
    enough = len(fewer) >= _TELLING_WORDS or len(fewer) == len(more) > 0
    return NameCheck.SAME if enough and _each_found(fewer, more) else NameCheck.DIFFERS


def _words(name: str) -> list[str]:
    """The words of a name without accents, marks and titles."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    words = re.findall(r"[^\W_]+", bare.replace("'", "").replace("’", "").casefold())
    return [word for word in words if word not in _NOT_TELLING]


def _each_found(fewer: list[str], more: list[str]) -> bool:
    """Whether each word has one of its own among the others: the same, or one of which a bank left the end out."""
    left = list(more)
    for word in sorted(fewer, key=len, reverse=True):
        found = next((other for other in left if _same_word(word, other)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _same_word(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= _LETTERS_LEFT and longer.startswith(shorter))


def refuse_own_affair(*, actor_id: UUID | None, concerned_id: UUID | None) -> None:
    """Refuse to let somebody decide about money of their own."""
    if actor_id is not None and actor_id == concerned_id:
        raise SeparationOfDuties
