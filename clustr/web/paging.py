"""Lists page by page: a signed cursor that says where the next page starts, so that every page costs the same.

A list's query model inherits `PageQuery`; its filters stand beside `limit` and `cursor`. The room's query gets the
position after which to read and one row more than the page shows (`limit=query.fetch`):

    after = position(request, query, (datetime, UUID))
    rows = queries.audit_events(actor=request.actor, after=after, limit=query.fetch)
    return page(request, query, rows, key=lambda row: (row.at, row.id), out=event_out)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from django.conf import settings
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.web.actors import Request, actor_of
from clustr.web.refusals import InvalidCursor
from clustr.web.schemas import In, Out, Text

R = TypeVar("R")
O = TypeVar("O")  # noqa: E741 - what is shown of an R
A = TypeVar("A")
B = TypeVar("B")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TAG_BYTES = 16


def _read_limit(value: Any) -> Any:
    """Plain digits: pydantic would take " 5", "5.0" and digits of other scripts for a number too."""
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,9}", value, re.ASCII):
        raise PydanticCustomError("not_a_number", "Write a whole number in plain digits.")
    return value


class PageQuery(In):
    """The two parameters every list takes."""

    limit: Annotated[int, Field(ge=1, le=200, description="Rows of a page."), BeforeValidator(_read_limit)] = 50
    cursor: Annotated[str | None, Field(max_length=512, description="`next` of the page before.")] = None

    @property
    def fetch(self) -> int:
        """How many rows to ask for: one more than is shown tells whether there is a next page."""
        return self.limit + 1


class OfMembersQuery(PageQuery):
    """A list of what members did, which may be searched for them."""

    q: Annotated[str, Text(100, empty=True)] = Field(
        "",
        description="Of members found by the beginnings of words: name, e-mail, phone, unit; of the first 200 of them.",
    )


class Page(Out, Generic[O]):
    """One page of a list. `next` is null on the last."""

    results: list[O]
    next: str | None


def position(request: Request, query: PageQuery, types: tuple[type[A], type[B]]) -> tuple[A, B] | None:
    """The position `(sort value, id)` that the cursor stands for; None for the first page."""
    if query.cursor is None:
        return None
    tag, payload = _split(query.cursor)
    if not hmac.compare_digest(tag, _tag(request, query, payload)):
        raise InvalidCursor
    first, second = json.loads(payload)
    return _decoded(first, types[0]), _decoded(second, types[1])


def last_id(request: Request, query: PageQuery) -> UUID | None:
    """The id after which to read a list that is ordered by its rows' ids alone (`key=by_id`); None: the first page."""
    where = position(request, query, (UUID, UUID))
    return where[1] if where else None


def by_id(id: UUID) -> tuple[UUID, UUID]:
    """The position of a row in a list that is ordered by id alone."""
    return id, id


def page(
    request: Request,
    query: PageQuery,
    rows: Sequence[R],
    *,
    key: Callable[[R], tuple[Any, Any]],
    out: Callable[[R], O],
) -> Page[O]:
    """The page that these rows (asked for with `limit=query.fetch`) make. `key` is the order the list is read in."""
    shown = rows[: query.limit]
    more = len(rows) > query.limit
    cursor = _sign(request, query, key(shown[-1])) if more else None
    return Page[O](results=[out(row) for row in shown], next=cursor)


def page_of_few(
    request: Request, query: PageQuery, rows: Callable[[], Sequence[R]], *, out: Callable[[R], O]
) -> Page[O]:
    """The page of a list that is short by nature: `rows` are all of it, asked for once the cursor is known to be good."""
    where = position(request, query, (int, int))
    start = where[0] if where else 0
    end = start + query.limit
    return page(request, query, rows()[start : end + 1], key=lambda _last: (end, 0), out=out)


def all_of(rows: Sequence[R], *, out: Callable[[R], O]) -> Page[O]:
    """A short list whole, where it is the answer to what changed it."""
    return Page[O](results=[out(row) for row in rows], next=None)


def _sign(request: Request, query: PageQuery, where: tuple[Any, Any]) -> str:
    payload = json.dumps([_encoded(value) for value in where], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_tag(request, query, payload) + payload).decode().rstrip("=")


def _split(cursor: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor from error
    return raw[:_TAG_BYTES], raw[_TAG_BYTES:]


def _tag(request: Request, query: PageQuery, payload: bytes) -> bytes:
    """Binds a position to the list it was read from: address, cluster and filters; and of the platform's customers, who
    share one cluster, the person."""
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    if actor_of(request).cluster_id == PLATFORM_CLUSTER_ID:
        filters["whose"] = str(actor_of(request).user_id)
    bound = json.dumps([request.path, str(actor_of(request).cluster_id), filters], sort_keys=True).encode()
    return hmac.digest(_secret(settings.SECRET_KEY), bound + b"\x00" + payload, "sha256")[:_TAG_BYTES]


@cache
def _secret(secret_key: str) -> bytes:
    return hashlib.sha256(b"clustr.cursor\x00" + secret_key.encode()).digest()


def _encoded(value: Any) -> str | int | None:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, UUID):
        return value.hex
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"a list cannot be ordered by {type(value).__name__}")


def _decoded(value: Any, kind: type[A]) -> A:
    decoded: Any = value
    if kind is datetime:
        decoded = _EPOCH + value * _MICROSECOND
    elif kind is UUID:
        decoded = UUID(hex=value)
    return decoded  # type: ignore[no-any-return]
