"""What reads and then writes is caught by letting requests go together, on the same server, with the same sockets."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from tests.databases import administrator
from tests.http_races.conftest import Door
from tests.http_races.release import request, said
from tests.http_races.urls import TABLES
from tests.races import CROWD

ROUNDS = 5
"""The naive version must be caught in one of a few rounds: each lets it be overtaken a dozen times."""


@pytest.fixture
def purse() -> Callable[[], UUID]:
    """Makes purses that hold 50, of which each spend takes 10."""
    with administrator() as owner:
        owner.execute(sql.SQL(TABLES).format(app=sql.Identifier(settings.ROLE_APP)))

    def make() -> UUID:
        id = uuid4()
        with connections["default"].cursor() as cursor:
            cursor.execute("INSERT INTO races_purse VALUES (%s, 50, 0)", [id])
        return id

    return make


def held(id: UUID) -> tuple[int, int]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT balance, attempts FROM races_purse WHERE id = %s", [id])
        balance, attempts = cursor.fetchone()
    return balance, attempts


def test_one_statement_is_never_overtaken(door: Door, purse: Callable[[], UUID]) -> None:
    for _ in range(ROUNDS):
        id = purse()
        answers = door.let_go([request("POST", f"/safe/spend/{id}/")] * CROWD)
        assert said(answers) == {"201": 5, "402": CROWD - 5}
        assert held(id) == (0, 0)


def test_reading_then_lowering_is_overspent(door: Door, purse: Callable[[], UUID]) -> None:
    left = []
    for _ in range(ROUNDS):
        id = purse()
        door.let_go([request("POST", f"/naive/spend/{id}/")] * CROWD)
        left.append(held(id)[0])
    assert min(left) < 0, left


def test_looking_then_taking_gives_a_name_away_twice(door: Door, purse: Callable[[], UUID]) -> None:
    taken = []
    for _ in range(ROUNDS):
        answers = door.let_go([request("POST", f"/naive/claim/{uuid4()}/")] * CROWD)
        taken.append(said(answers)["201"])
    assert max(taken) > 1, taken


def test_judging_then_counting_allows_a_sixth_attempt(door: Door, purse: Callable[[], UUID]) -> None:
    attempts = []
    for _ in range(ROUNDS):
        id = purse()
        door.let_go([request("POST", f"/naive/guess/{id}/")] * CROWD)
        attempts.append(held(id)[1])
    assert max(attempts) > 5, attempts
