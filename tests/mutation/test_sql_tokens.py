"""Wrong versions of SQL, and what is said to explain those that change nothing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.mutation.sql_tokens import changes, difference, looks_like_sql


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("SELECT a WHERE b <= 5", {"SELECT a WHERE b < 5", "SELECT a WHERE true"}),
        ("x := y - 1;", {"x := y + 1;", "x := y - 0;"}),
        ("WHERE a BETWEEN 2 AND 3", {"WHERE true"}),
        ("IF NOT FOUND THEN", {"IF  FOUND THEN"}),
        ("PERFORM kit_refuse(CASE WHEN a THEN 'b' END);", {"NULL;"}),
        ("PERFORM 1 FROM a FOR NO KEY UPDATE;", {"PERFORM 1 FROM a ;"}),
        ("INSERT INTO a ON CONFLICT (c) DO NOTHING;", {"INSERT INTO a ;"}),
        ("a = '<' -- b < c\n", {"a <> '<' -- b < c\n"}),
        ("a::text || '>' -> 'b'", set()),
        ("%(one)s %% 1", {"%(one)s %% 0"}),
    ],
)
def test_it_works(right: str, wrong: set[str]) -> None:
    assert {change.apply(right) for change in changes(right)} == wrong


def test_each_condition_is_taken_away() -> None:
    right = "SELECT 5 FROM a WHERE b AND c BETWEEN d AND e AND (f OR g) ORDER BY h"
    taken = [change.what for change in changes(right) if change.what.startswith("remove condition")]
    assert taken == [f"remove condition {part}" for part in ("b", "c BETWEEN d AND e", "(f OR g)")]


def test_a_condition_that_goes_on_elsewhere_stays() -> None:
    assert [change.what for change in changes("SELECT 5 WHERE a AND b =", whole=False)][-1] == "remove condition a"


def test_the_difference_is_told_by_line() -> None:
    assert difference("a\n  b  c\nd", "a\nx\nd") == ((2, 2), "b c", "x")


def test_what_is_sql() -> None:
    assert looks_like_sql(" WHERE a = b")
    assert not looks_like_sql("the amount must be positive")


def test_every_explanation_says_where_and_why() -> None:
    entries = tomllib.loads(Path(__file__).with_name("explained.toml").read_text())["explained"]
    for entry in entries:
        assert entry["because"].endswith(".")
        assert set(entry) - {"because"} <= {"module", "function", "was", "now", "what", "nth"}
        assert set(entry) & {"function", "was", "now", "what"}, "this would explain everything"
