"""Lists of the office: filters from the address, one page at a time by the API's own signed cursors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from clustr.web.actors import Request
from clustr.web.pages.frame import Context
from clustr.web.paging import PageQuery, page

Q = TypeVar("Q", bound=PageQuery)
R = TypeVar("R")

ROWS = 25


def asked(request: Request, model: type[Q], **fixed: Any) -> Q:
    """The filters and the place in a list that the address names. What is empty, unknown or makes no sense does not count:
    a link that somebody shortened still leads somewhere."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    sent = {name: value for name, value in request.GET.items() if name in known and value}
    sent |= {"limit": str(ROWS), **fixed}
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
        return model.model_validate({name: value for name, value in sent.items() if name not in wrong})


def listed(request: Request, query: PageQuery, rows: Sequence[R], *, key: Callable[[R], tuple[Any, Any]]) -> Context:
    """`rows` of one page and the cursor of the `next`, of rows that were asked for with `limit=query.fetch`."""
    shown = page(request, query, rows, key=key, out=_as_it_is)
    return {"rows": list(rows[: query.limit]), "next": shown.next, "first_page": query.cursor is None}


def _as_it_is(row: Any) -> Any:
    return row
