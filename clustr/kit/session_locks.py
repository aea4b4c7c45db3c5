"""Locks that outlive transactions, noted while they are held: nobody may call the outside world meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_held: ContextVar[str] = ContextVar("clustr_session_lock", default="")


@contextmanager
def session_lock_noted(what: str) -> Iterator[None]:
    """Within the block this thread holds a lock of its database session. `what` it is about, for people."""
    token = _held.set(what)
    try:
        yield
    finally:
        _held.reset(token)


def held_session_lock() -> str:
    """What the lock held by this thread is about; "" where none is."""
    return _held.get()
