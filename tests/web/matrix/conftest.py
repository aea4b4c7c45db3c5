"""One town for all cases of a file: what is refused changes nothing, and each good request is about a member of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from clustr.notifications.commands import endpoints
from clustr.payments.providers import registry
from clustr.subscriptions.vendors import registry as stripe
from clustr.utilities.vendors import registry as utilities
from tests.web.matrix.routes import Route, routes
from tests.web.matrix.row import Row
from tests.web.matrix.rows import ROWS
from tests.web.matrix.town import PROVIDERS, SERVICES, STRIPE, Town, make_town
from tests.web.matrix.watch import Watch

ROUTES = routes()


@pytest.fixture(scope="package", autouse=True)
def _providers_behind_the_wire() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registry", lambda: PROVIDERS.registry)
        patch.setattr(utilities, "_registry", lambda: SERVICES)
        patch.setattr(stripe, "_holder", lambda: STRIPE.holder)
        patch.setattr(endpoints, "MOST_ENDPOINTS", 1_000)  # of two estates in which everybody makes some
        yield


@pytest.fixture(scope="module")
def town() -> Town:
    return make_town()


@pytest.fixture
def watch(town: Town) -> Iterator[Watch]:
    """Ends the test with no answer having told anybody of the other estate."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_throttle")
    watching = Watch(town)
    yield watching
    assert watching.leaks() == []


def pytest_generate_tests(metafunc: Any) -> None:
    """`row`: every row; `id_row`, `office_row`, ...: those with ids, of the office, and so on."""
    chosen: dict[str, Callable[[Row], bool]] = {
        "row": lambda row: bool(row.route),
        "office_row": lambda row: row.is_office,
        "member_row": lambda row: not row.is_office,
        "id_row": lambda row: bool(row.ids),
        "office_id_row": lambda row: row.is_office and bool(row.ids),
        "member_id_row": lambda row: not row.is_office and bool(row.ids),
        "own_row": lambda row: bool(row.own),
        "write_row": lambda row: row.writes and row.answer < 300,
        "office_write_row": lambda row: row.writes and row.is_office,
        "list_row": lambda row: _route(row).has_cursor and row.answer < 300,
        "search_row": lambda row: _route(row).has_search and row.answer < 300,
    }
    for name, wanted in chosen.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [row for row in ROWS if wanted(row)], ids=str)


def _route(row: Row) -> Route:
    """What the API says of the row's route; nothing of a route that is not there, which `test_rows.py` reports."""
    return ROUTES.get(row.route) or Route(row.route, frozenset(), has_cursor=False, has_search=False, takes_key=False)
