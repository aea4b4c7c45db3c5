"""A pool of a single connection, and what somebody finds who is given it next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections

from tests.races import own_connections

_PATIENCE_SECONDS = 20
_STATE = """
SELECT json_build_object(
  'cluster', coalesce(current_setting('clustr.cluster', true), ''),
  'user', coalesce(current_setting('clustr.user', true), ''),
  'role', current_user || ' for ' || session_user,
  'advisory locks', (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
  'cursors', (SELECT count(*) FROM pg_cursors WHERE name <> ''),
  'listens', (SELECT count(*) FROM pg_listening_channels()),
  'temporary', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
  'settings', (SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings
    WHERE name NOT LIKE 'plpgsql.%'))
"""


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A pool of a single connection, so that whatever a block leaves behind is met by the next one."""
    options = connections["default"].settings_dict["OPTIONS"]
    kept = options["pool"]
    connection.close()
    connections["default"].close_pool()
    options["pool"] = {**kept, "min_size": 1, "max_size": 1}
    yield
    connection.close()
    connections["default"].close_pool()
    options["pool"] = kept


def found() -> tuple[int, dict[str, Any]]:
    """The backend's pid, and its state as the next user of the connection finds it: outside any transaction."""
    connection.close()
    connection.ensure_connection()
    raw = connection.connection
    assert raw.info.transaction_status.name == "IDLE"
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        (state,) = cursor.fetchone()
    connection.close()
    return int(raw.info.backend_pid), state


@contextmanager
def at(word: str, act: Callable[[Callable[..., Any], str, Any], Any]) -> Iterator[list[str]]:
    """Let `act(go_on, sql, params)` take the place of the first statement that holds `word`. Answers what was met."""
    met: list[str] = []

    def wrapper(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        def go_on(statement: Any = sql, values: Any = params) -> Any:
            return execute(statement, values, many, context)

        if met or word not in str(sql):
            return go_on()
        met.append(str(sql))
        return act(go_on, sql, params)

    with connection.execute_wrapper(wrapper):
        yield met
    assert met, f"no statement held {word}"


@contextmanager
def once_asleep(statement: str) -> Iterator[None]:
    """Beside the block: as soon as some backend of this database sleeps in pg_sleep, `statement` is run with its pid."""
    done = threading.Event()

    def watch() -> None:
        with own_connections(), connections["default"].cursor() as cursor:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not done.is_set() and time.monotonic() < deadline:
                cursor.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                    " AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()"
                )
                for (pid,) in cursor.fetchall():
                    cursor.execute(statement, [pid])
                    return
                done.wait(0.01)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(_PATIENCE_SECONDS)
