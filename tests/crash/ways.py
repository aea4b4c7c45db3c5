"""Every place of every flow is interrupted: by an exception, and by SIGKILL.

At each place by both with BOTH_WAYS=1 in the environment (the long form); in a bounded run by one of them, in turns, so that a
place which several flows pass meets each. Where a place has met a way already, every other flow that passes it goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TypeVar
from zlib import crc32

Way = TypeVar("Way")
BOTH_WAYS = bool(os.environ.get("BOTH_WAYS"))
_met: set[tuple[str, object]] = set()
"""The places that were interrupted in this process, and how: a way is a function of its own file's."""


def in_turns(flow: str, places: Sequence[str], ways: Sequence[Way]) -> Iterator[tuple[str, Way]]:
    """Each place with the ways in which it is interrupted there; `flow` says who begins."""
    first = crc32(flow.encode())
    for number, at in enumerate(places, start=first):
        turn, which = divmod(number, len(ways))
        for way in ways if BOTH_WAYS else ways[which : which + 1]:
            if BOTH_WAYS or (at, way) not in _met or turn % 2:
                _met.add((at, way))
                yield at, way


def every_other(flow: str, places: Sequence[str]) -> Sequence[str]:
    """Half of the places of a flow whose others are met by flows like it; `flow` says which half."""
    return places if BOTH_WAYS else places[crc32(flow.encode()) % 2 :: 2]
