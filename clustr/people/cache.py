"""Django's cache in PostgreSQL: one counter for every web process, one statement for every operation.

A cache in each process's memory would give an attacker as many tries as there are processes. Django's own database
cache counts all rows before it writes one, and throws live counters away once it is full. The table is UNLOGGED: its
writes wait for no disk, and a crash forgets what may be forgotten. Values are JSON, never pickles.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

_FOREVER = 10 * 365 * 24 * 3600.0

_ADD = """
INSERT INTO people_cache AS c (key, value, expires_at) VALUES (%s, %s, now() + make_interval(secs => %s))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at WHERE c.expires_at <= now()
RETURNING 1"""
_SET = """
INSERT INTO people_cache (key, value, expires_at) VALUES (%s, %s, now() + make_interval(secs => %s))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at"""
_GET = "SELECT value::text FROM people_cache WHERE key = %s AND expires_at > now()"
_TOUCH = """
UPDATE people_cache SET expires_at = now() + make_interval(secs => %s) WHERE key = %s AND expires_at > now()
RETURNING 1"""
_DELETE = "DELETE FROM people_cache WHERE key = %s RETURNING expires_at > now()"


class PostgresCache(BaseCache):
    """What Django's cache API promises, for values that JSON can hold."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return _one(_ADD, self._key(key, version), json.dumps(value), self._seconds(timeout)) is not None

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        row = _one(_GET, self._key(key, version))
        return default if row is None else json.loads(row[0])

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        _one(_SET, self._key(key, version), json.dumps(value), self._seconds(timeout))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return _one(_TOUCH, self._seconds(timeout), self._key(key, version)) is not None

    def delete(self, key: Any, version: int | None = None) -> bool:
        row = _one(_DELETE, self._key(key, version))
        return row is not None and bool(row[0])

    def clear(self) -> None:
        _one("DELETE FROM people_cache")

    def _key(self, key: Any, version: int | None) -> str:
        return str(self.make_key(key, version=version))

    def _seconds(self, timeout: Any) -> float:
        if timeout is DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return _FOREVER if timeout is None else float(timeout)


def _one(statement: str, *values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone() if cursor.description else None
