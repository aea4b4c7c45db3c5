"""What every test runs on: real PostgreSQL, real commits, one database per test process."""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import pkgutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

import clustr
from tests.databases import cloned_database
from tests.listening import Listener

if (Path(__file__).parent / "cast.py").exists():
    pytest_plugins = ["tests.cast", "tests.money"]


HERE = Path(__file__).parent
SWEEPING = {
    *("bench", "crash", "fuzz", "http_races", "journeys", "web/matrix"),
    *("bills/test_machine.py", "house/test_books.py", "kit/test_serve.py", "ledger/test_against_a_model.py"),
    *("notifications/test_killed.py", "settlement/test_promptness.py"),
    *(f"recurring/test_{name}.py" for name in ("many_automations", "schedule", "walk")),
    *(f"subscriptions/test_{name}.py" for name in ("crash_points", "histories", "revenue", "stripe_crashes")),
    *("bills/test_flatness.py", "house/test_tenant_walls.py", "kit/test_worker.py", "people/test_throttle.py"),
    *(f"notifications/test_{name}.py" for name in ("every_notice", "utility_notices")),
    *("settlement/test_payouts.py", "web/management/test_cluster_wallet_transfer.py", "web/test_sign_in_bodies.py"),
}
"""Folders and files whose tests, like all races, pass a great deal of code that other tests pass with more to say of each line.
Coverage is measured where there is most to learn from it: it costs as much again as half of a test's time, and of every process
that it starts."""
NOT_LOADED = {"clustr.wsgi"}
"""What starts something when it is loaded."""
MEASURED = 2
"""Of a test with fixtures that is asked with many values so many are measured: the others take much the same ways."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what sweeps over every estate, while there are few; then what takes long, so that no process is left with it at
    the end; then the files with the most tests."""
    asked = Counter[str]()
    for item in items:
        test = item.nodeid.partition("[")[0]
        asked[test] += 1
        sweeps = {str(item.path.relative_to(HERE)), str(item.path.parent.relative_to(HERE))} & SWEEPING
        if sweeps or item.path.stem.endswith("races") or (asked[test] > MEASURED and _stands_on_something(item)):
            item.add_marker("unmeasured")
    tests_in = Counter(item.path for item in items)
    items.sort(key=lambda item: (_turn(item), -tests_in[item.path], item.path))


def _stands_on_something(item: pytest.Item) -> bool:
    """Whether a test takes more than the values that it is asked with. What takes nothing else is quick."""
    values = item.callspec.params if hasattr(item, "callspec") else {}
    return bool(inspect.signature(item.function).parameters.keys() - values.keys())  # type: ignore[attr-defined]


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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage rests where a test is not measured, its fixtures and the processes that it starts included, until one is."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    coverage = plugin and plugin.cov_controller
    if coverage is None:
        return (yield)
    resting = item.get_closest_marker("unmeasured") is not None
    if resting and coverage.started:
        coverage.pause()
    elif not resting and not coverage.started:
        coverage.resume()
    measuring = os.environ.pop("COVERAGE_PROCESS_CONFIG", None) if resting else None
    try:
        return (yield)
    finally:
        if measuring:
            os.environ["COVERAGE_PROCESS_CONFIG"] = measuring


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
