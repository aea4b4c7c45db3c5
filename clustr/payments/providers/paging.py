"""Walking through a provider's list: each page once, no row skipped in silence, no endless walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from clustr.payments.providers.nouns import Page
from clustr.payments.providers.reading import NotUnderstood, optional_mapping, text

Row = TypeVar("Row")

MOST_PAGES = 2000


def pages(fetch: Callable[[int], tuple[list[Any], bool]], read: Callable[[Any], Row | None]) -> Iterator[Page[Row]]:
    """`fetch` answers the rows of a page, and whether another follows; `read` one row, or None if it is not asked for."""
    before: list[Any] | None = None
    for number in range(1, MOST_PAGES + 1):
        raw, more = fetch(number)
        if raw and raw == before:
            raise NotUnderstood("the same page twice")
        before = raw
        found: list[Row] = []
        unreadable: list[str] = []
        for row in raw:
            try:
                understood = read(row)
            except NotUnderstood:
                unreadable.append(text(optional_mapping(row).get("id")) or "no id")
            else:
                found += [understood] if understood is not None else []
        yield Page(rows=tuple(found), unreadable=tuple(unreadable))
        if not more:
            return
    raise NotUnderstood("too many pages")


def every_row(listed: Iterator[Page[Row]]) -> Iterator[Row]:
    """Each row of a list that must be whole: one that cannot be read makes the whole answer not understood."""
    for page in listed:
        if page.unreadable:
            raise NotUnderstood("a row of the list")
        yield from page.rows


def within(at: datetime | None, *, since: datetime, until: datetime) -> bool:
    """Whether an instant lies in [since, until); one that is not told does, so that nothing is missed."""
    return at is None or since <= at < until
