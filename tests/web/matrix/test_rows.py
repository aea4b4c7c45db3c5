"""The rows are complete: each route has one, each row a route, and each says all there is to say."""

from __future__ import annotations

from collections import Counter

import pytest

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.errors import Refusal
from tests.web.matrix.routes import routes, served
from tests.web.matrix.row import Row
from tests.web.matrix.rows import ROWS, SIGNED
from tests.web.matrix.town import Town

BY_ROUTE = {row.route: row for row in ROWS}
HOW = "tests/web/matrix/rows.py says at its top what to write."


def test_every_route_has_its_row() -> None:
    missing = sorted(served() - BY_ROUTE.keys() - SIGNED.keys())
    assert not missing, f"Nobody says who may ask for {missing}: write a row for each in ROWS. {HOW}"


def test_every_row_has_its_route() -> None:
    left_over = sorted(BY_ROUTE.keys() - served())
    assert not left_over, f"There is no such route: {left_over}. Take the rows out of ROWS, or correct their `route`."


def test_every_route_is_described() -> None:
    assert served() == routes().keys()


def test_a_route_has_one_row() -> None:
    assert [route for route, times in Counter(row.route for row in ROWS).items() if times > 1] == []


def test_every_id_is_named(row: Row) -> None:
    unnamed = routes()[row.route].ids - row.ids.keys() - row.of_all
    assert not unnamed, f"{row}: say in `ids` what is heard where an id at {sorted(unnamed)} is a stranger's. {HOW}"
    assert row.ids.keys() <= routes()[row.route].ids, f"{row}: `ids` names what the request does not have. {HOW}"


def test_every_row_is_whole(row: Row) -> None:
    assert row.needs <= set(PaymentsPermissions)
    assert row.is_office == row.route.split(" ")[1].startswith("/management/"), (
        f"{row}: the office's routes need a permission"
    )
    if row.is_office and row.writes:
        assert bool(row.own) != bool(row.not_own), f"{row}: say `own` or `not_own`. {HOW}"
    for code in filter(None, (row.own, row.former, *(hears.code for hears in row.ids.values()))):
        assert code in Refusal.registry, code


def test_every_id_of_the_row_stands_in_its_request(town: Town, id_row: Row) -> None:
    _, ask = town.ready(id_row.good, town.here)
    for where in id_row.ids:
        assert len(ask.id_at(where)) == 36, f"{id_row}: `good` answers no id at {where}"


@pytest.mark.parametrize("name", [permission.value for permission in PaymentsPermissions])
def test_every_permission_is_played(town: Town, name: str) -> None:
    assert town.staff[name].actor.permissions == {name}
