"""Pages of a list: a cursor that fits one list, one estate, one set of filters; and the same list as CSV."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from clustr.audit import commands
from clustr.audit.types import Subject
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.web.csv_answers import BATCH, safe_cell
from tests.cast import Cast
from tests.web.test_door_errors import is_problem


def note_many(cast: Cast, many: int, *, action: str = "notes.taken") -> None:
    ada = cast.ada.actor
    with tenant(ada.cluster_id):
        for minute in range(2):
            subjects = [Subject(new_id()) for _ in range(many // 2 + (many % 2) * minute)]
            at = cast.now - timedelta(minutes=minute)
            commands.record_batch(actor=ada, action=action, subject_kind="note", subjects=subjects, at=at)


def all_pages(client: Any, address: str, **query: Any) -> list[list[dict[str, Any]]]:
    pages, cursor = [], None
    while True:
        answer = client.get(address, query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.content
        pages.append(answer.json()["results"])
        cursor = answer.json()["next"]
        if cursor is None:
            return pages


def test_it_works(trying: str, cast: Cast) -> None:
    note_many(cast, 25)
    pages = all_pages(cast.client_of(cast.ada), f"{trying}list/", limit=10)
    assert [len(rows) for rows in pages] == [10, 10, 5]
    rows = [row for rows in pages for row in rows]
    assert len({row["id"] for row in rows}) == 25
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)


def test_a_last_page_that_is_full_has_no_next(trying: str, cast: Cast) -> None:
    note_many(cast, 10)
    assert [len(rows) for rows in all_pages(cast.client_of(cast.ada), f"{trying}list/", limit=5)] == [5, 5]


def test_fifty_unless_said_otherwise(trying: str, cast: Cast) -> None:
    note_many(cast, 60)
    assert [len(rows) for rows in all_pages(cast.client_of(cast.ada), f"{trying}list/")] == [50, 10]


def test_an_empty_list(trying: str, cast: Cast) -> None:
    assert cast.client_of(cast.ada).get(f"{trying}list/").json() == {"results": [], "next": None}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", "9999999999999999999999", ""])
def test_limits_of_a_page(trying: str, cast: Cast, limit: str) -> None:
    refused = cast.client_of(cast.ada).get(f"{trying}list/", {"limit": limit})
    assert is_problem(refused, 422, "invalid")["errors"][0]["field"] == "limit"


def test_a_cursor_nobody_signed(trying: str, cast: Cast) -> None:
    note_many(cast, 4)
    ada = cast.client_of(cast.ada)
    cursor = ada.get(f"{trying}list/", {"limit": 2}).json()["next"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[-2] ^= 1
    tampered = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for odd in (tampered, cursor[:-1], cursor + "A", "", "x", "????", "é", "A" * 512):
        is_problem(ada.get(f"{trying}list/", {"limit": 2, "cursor": odd}), 422, "invalid_cursor")
    assert ada.get(f"{trying}list/", {"limit": 2, "cursor": "A" * 513}).status_code == 422


def test_a_cursor_of_another_list_filter_or_estate(trying: str, cast: Cast) -> None:
    note_many(cast, 4)
    ada, dayo = cast.client_of(cast.ada), cast.client_of(cast.dayo)
    cursor = ada.get(f"{trying}list/", {"limit": 2}).json()["next"]
    is_problem(ada.get(f"{trying}other_list/", {"cursor": cursor}), 422, "invalid_cursor")
    is_problem(ada.get(f"{trying}list/", {"cursor": cursor, "action": "notes.taken"}), 422, "invalid_cursor")
    is_problem(dayo.get(f"{trying}list/", {"cursor": cursor}), 422, "invalid_cursor")
    assert ada.get(f"{trying}list/", {"cursor": cursor, "limit": 3}).status_code == 200


def test_a_cursor_keeps_its_filters(trying: str, cast: Cast) -> None:
    note_many(cast, 4)
    note_many(cast, 4, action="notes.burnt")
    pages = all_pages(cast.client_of(cast.ada), f"{trying}list/", limit=3, action="notes.burnt")
    assert [row["title"] for rows in pages for row in rows] == ["notes.burnt"] * 4


def test_a_list_as_csv_in_batches(trying: str, cast: Cast) -> None:
    note_many(cast, BATCH + 3)
    answer = cast.client_of(cast.ada).get(f"{trying}csv/")
    lines = answer.getvalue().decode().splitlines()
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"] == 'attachment; filename="notes.csv"'
    assert lines[0] == "id,action"
    assert len(set(lines[1:])) == BATCH + 3


def test_csv_needs_the_permission_too(trying: str, cast: Cast) -> None:
    is_problem(cast.client_of(cast.bola).get(f"{trying}csv/"), 403, "permission_missing")


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("+2348", "'+2348"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("\rx", "'\rx"),
     (" =1", "' =1"), ("=", "'="), ("-5.00", "-5.00"), ("5000.00", "5000.00"), ("Bola", "Bola"), ("", "")],
)  # fmt: skip
def test_no_cell_is_a_formula(cell: str, written: str) -> None:
    assert safe_cell(cell) == written
