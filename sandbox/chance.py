"""Every random choice: made of the seed, a name and how often that name was asked before, so that a run repeats."""

from __future__ import annotations

import hashlib
from collections import Counter

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Chance:
    """Choices of one name never shift those of another."""

    def __init__(self, *, seed: int) -> None:
        self.seed = seed
        self._asked: Counter[str] = Counter()

    def happens(self, name: str, *, probability: float) -> bool:
        """Whether it happens this time. Counts also when it cannot happen."""
        number = self._number(name)
        return probability > 0 and number < probability * 2**64

    def below(self, name: str, *, limit: int) -> int:
        """A whole number from 0 up to, not including, `limit`."""
        return self._number(name) % limit

    def code(self, kind: str, *, serial: int, length: int) -> str:
        """Letters and digits that belong to this serial number of this seed; the same whenever asked."""
        number = int.from_bytes(hashlib.sha256(f"{self.seed}:{kind}:{serial}".encode()).digest())
        letters = []
        for _ in range(length):
            number, rest = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[rest])
        return "".join(letters)

    def _number(self, name: str) -> int:
        self._asked[name] += 1
        digest = hashlib.sha256(f"{self.seed}:{name}:{self._asked[name]}".encode()).digest()
        return int.from_bytes(digest[:8])
