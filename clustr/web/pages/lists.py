"""Lists of pages: the same signed cursors as the API's, the same filters in the address, and the rows with what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import Field, ValidationError

from clustr.web.actors import Request
from clustr.web.paging import Page, PageQuery, by_id, page, position
from clustr.web.refusals import InvalidCursor
from clustr.web.schemas import Text

T = TypeVar("T")
Q = TypeVar("Q", bound="ListQuery")
A = TypeVar("A")
B = TypeVar("B")
SHOWN = 20


class ListQuery(PageQuery):
    """What a list's address says: a cursor, a search, and the list's own filters. A value that does not fit is as if it
    were not there: an address that was typed, or is old, shows the list."""

    limit: Annotated[int, Field(ge=1, le=200)] = SHOWN
    q: Annotated[str, Text(100, empty=True)] = ""

    @classmethod
    def of(cls: type[Q], request: Request) -> Q:
        sent = {
            name: value for name, value in request.GET.items() if name in cls.model_fields and name != "limit" and value
        }
        try:
            return cls.model_validate(sent)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
            return cls.model_validate({name: value for name, value in sent.items() if name not in wrong})


def called(q: str, words: Mapping[T, Any]) -> frozenset[T]:
    """Those of some values whose word, in the reader's language, has in it what is looked for."""
    return frozenset(value for value, word in words.items() if q.casefold() in str(word).casefold())


def begin_after(request: Request, query: ListQuery) -> UUID | None:
    """The id after which to read, of a list that is ordered by its rows' ids; None: from the start, also where the cursor is
    of another list, of other filters, or nobody's."""
    where = begin_at(request, query, (UUID, UUID))
    return where[1] if where else None


def begin_at(request: Request, query: PageQuery, types: tuple[type[A], type[B]]) -> tuple[A, B] | None:
    """The same of a list in another order: the position after which to read."""
    try:
        return position(request, query, types)
    except InvalidCursor:
        return None


def listed(
    request: Request, query: PageQuery, rows: Sequence[Any], *, key: Callable[[Any], tuple[Any, Any]] | None = None
) -> dict[str, Any]:
    """For a template: `rows`, and the cursor `next` of the page after. `key`: their order, if it is not that of their ids."""
    made: Page[Any] = page(request, query, rows, key=key or (lambda row: by_id(row.id)), out=lambda row: row)
    return {"rows": made.results, "next": made.next}
