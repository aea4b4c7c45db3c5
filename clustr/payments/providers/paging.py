"""Walking through a provider's list: each page once, no row skipped in silence, no endless walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from clustr.payments.providers.nouns import Page
from clustr.payments.providers.reading import NotUnderstood, instant, optional_mapping, text

Row = TypeVar("Row")
Fetch = Callable[[int], tuple[list[Any], bool]]
"""A page by its number: its rows, and whether another follows."""

MOST_PAGES = 2000
A_DAY = timedelta(days=1)


def pages(fetch: Fetch, read: Callable[[Any], Row | None]) -> Iterator[Page[Row]]:
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


def newest_first(fetch: Fetch, made_at: Callable[[Any], datetime | None], *, since: datetime) -> Fetch:
    """The same pages, of a list that takes no dates, up to the first that lies wholly before `since`. Only a page whose own
    rows grow older is believed to be of a list whose newest rows come first."""

    def page(number: int) -> tuple[list[Any], bool]:
        found, more = fetch(number)
        made = [at for row in found if (at := made_at(row)) is not None]
        beyond = len(made) > 1 and made[0] < since and made[0] > made[-1] and made == sorted(made, reverse=True)
        return found, more and not beyond

    return page


def created_at(row: Any) -> datetime | None:
    """When a row of a provider's list says that it was made."""
    return instant(optional_mapping(row).get("created_at"))


def every_row(listed: Iterator[Page[Row]]) -> Iterator[Row]:
    """Each row of a list that must be whole: one that cannot be read makes the whole answer not understood."""
    for page in listed:
        if page.unreadable:
            raise NotUnderstood("a row of the list")
        yield from page.rows


def within(at: datetime | None, *, since: datetime, until: datetime) -> bool:
    """Whether an instant lies in [since, until); one that is not told does, so that nothing is missed."""
    return at is None or since <= at < until


def days(since: datetime, until: datetime) -> dict[str, str]:
    """The days of a window, a day wider on both sides: the provider counts days in a zone of its own."""
    first, last = since.astimezone(UTC) - A_DAY, until.astimezone(UTC) + A_DAY
    return {"from": first.date().isoformat(), "to": last.date().isoformat()}
