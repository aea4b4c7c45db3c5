"""What every test runs on: real PostgreSQL, real commits, one database per test process."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections

import clustr
from tests.databases import cloned_database
from tests.listening import Listener

if (Path(__file__).parent / "cast.py").exists():
    pytest_plugins = ["tests.cast", "tests.money"]


HERE = Path(__file__).parent
NOT_LOADED = {"clustr.wsgi"}
"""What starts something when it is loaded."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what sweeps over every estate, while there are few; then what takes long, so that no process is left with it at
    the end; then the files with the most tests."""
    tests_in = Counter(item.path for item in items)
    items.sort(key=lambda item: (_turn(item), -tests_in[item.path], item.path))


def _turn(item: pytest.Item) -> int:
    early = item.get_closest_marker("early")
    return 2 if early is None else 0 if early.kwargs.get("sweeps") else 1


def pytest_collection_finish() -> None:
    """What a module does when it is loaded is measured, whoever needs it first. Thirteen thousand tests and all that they name stay to the end: nobody need look through them for garbage, nor often
    through what a test leaves."""
    for _, name, _ in pkgutil.walk_packages(clustr.__path__, "clustr."):
        if ".migrations" not in name and name not in NOT_LOADED:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish() -> None:
    if settings.MEASUREMENT is not None:
        settings.MEASUREMENT.write()


@pytest.fixture(scope="session", autouse=True)
def django_db_setup(django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Replaces pytest-django's: tests commit, and are kept apart by making their own clusters and people."""
    with django_db_blocker.unblock(), cloned_database():  # type: ignore[attr-defined]
        yield


_listener = Listener()


@pytest.fixture(autouse=True)
def _nothing_told_in_confidence_is_logged() -> Iterator[None]:
    """Over every line that any test makes ClustR log."""
    _listener.attach()
    _listener.heard.clear()
    yield
    assert _listener.heard == []


@pytest.fixture(autouse=True)
def _no_transaction_left_open() -> Iterator[None]:
    yield
    left_open = [
        connection.alias for connection in connections.all(initialized_only=True) if connection.in_atomic_block
    ]
    for connection in connections.all(initialized_only=True):
        connection.close()
    assert not left_open, f"the test left a transaction open on {left_open}"
