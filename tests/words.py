"""Words that tests make up."""

from __future__ import annotations

from uuid import uuid4

_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def reference() -> str:
    """What nothing else is called, in letters alone: among the digits of a made-up id may stand what looks like a card's
    number, which is refused."""
    return uuid4().hex.translate(_LETTERS)
