"""The shared cache keeps what Django's cache API promises."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def key() -> str:
    return uuid4().hex


def test_it_works(key: str) -> None:
    assert cache.get(key, "nothing") == "nothing"
    cache.set(key, [1.5, "x", None, {"a": True}], 60)
    assert cache.get(key) == [1.5, "x", None, {"a": True}]
    assert key in cache
    assert cache.delete(key)
    assert not cache.delete(key)
    assert cache.get(key) is None


def test_add_keeps_what_is_there_until_it_expires(key: str) -> None:
    assert cache.add(key, 1, 60)
    assert not cache.add(key, 2, 60)
    assert cache.get(key) == 1
    cache.set(key, 3, 0.05)
    time.sleep(0.1)
    assert cache.get(key) is None
    assert cache.add(key, 4, None)
    assert cache.get(key) == 4


def test_touch_lengthens_a_life_and_gives_none_back(key: str) -> None:
    assert not cache.touch(key, 60)
    cache.set(key, 1, 0.2)
    assert cache.touch(key, 60)
    time.sleep(0.3)
    assert cache.get(key) == 1


def test_zero_is_no_time_at_all(key: str) -> None:
    cache.set(key, 1, 0)
    assert cache.get(key) is None


def test_every_operation_is_one_statement(key: str) -> None:
    with CaptureQueriesContext(connection) as captured:
        cache.add(key, 1)
        cache.set(key, 2)
        cache.get(key)
        cache.touch(key)
        cache.delete(key)
    assert len(captured) == 5


def test_its_table_waits_for_no_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'people_cache'")
        assert cursor.fetchone() == ("u",)
