"""Walking through lists that take no dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from clustr.payments.providers.paging import created_at, newest_first, pages

SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def walked(*days: tuple[int, ...]) -> list[list[Any]]:
    """The pages that are asked for, of a list whose rows were made so many days before the window."""
    listed = [[{"created_at": (SINCE - timedelta(days=day)).isoformat()} for day in page] for page in days]

    def fetch(number: int) -> tuple[list[Any], bool]:
        return listed[number - 1], number < len(listed)

    return [list(page.rows) for page in pages(newest_first(fetch, created_at, since=SINCE), lambda row: row)]


def test_the_walk_ends_at_the_first_page_before_the_window() -> None:
    assert len(walked((-2, -1), (-1, 1), (2, 3), (4, 5))) == 3


def test_a_list_whose_oldest_come_first_is_walked_to_its_end() -> None:
    assert len(walked((5, 4), (3, 2), (1, -1))) == 3


def test_a_page_that_proves_no_order_does_not_end_the_walk() -> None:
    assert len(walked((3,), (2, 2), (-1,))) == 3
