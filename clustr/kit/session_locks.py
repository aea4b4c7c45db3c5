"""Locks that outlive transactions, noted while they are held: nobody may call the outside world meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection

from clustr.kit.errors import Busy, refusals_from_database

_PATIENCE = 5
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


@contextmanager
def in_turn(*, name: str, what: str) -> Iterator[None]:
    """Within the block nobody else is in one of this name; who comes meanwhile waits. `what` it is about, for people."""
    try:
        _queue(name)
        with session_lock_noted(what):
            yield
    finally:
        _let_go()


def _let_go() -> None:
    """Give the session's lock back, also one that was given in the instant its wait was cancelled. A connection that
    cannot is closed for good: it must not be the next request's, with somebody's lock on it."""
    held = connection.connection
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")
    except BaseException:
        if held is not None:
            held.close()
        raise


def _queue(name: str) -> None:
    """Wait for one's turn, some lock timeouts long: each before takes as long as its hash."""
    for patience in range(_PATIENCE, -1, -1):
        try:
            with refusals_from_database(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
                return
        except Busy:
            if not patience:
                raise
