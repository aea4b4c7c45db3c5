"""Lists as CSV: streamed batch by batch, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from django.http import StreamingHttpResponse

from clustr.web.actors import Request, actor_of
from clustr.web.door import read_value

R = TypeVar("R")
P = TypeVar("P")

BATCH = 1_000
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def csv_answer(
    request: Request,
    *,
    name: str,
    header: Sequence[str],
    fetch: Callable[[P | None, int], Sequence[R]],
    key: Callable[[R], P],
    row: Callable[[R], Sequence[str]],
) -> StreamingHttpResponse:
    """Stream every row of a list as `name`.csv.

    `fetch(after, limit)` reads the next rows, each batch in a read transaction of its own, so that a slow reader holds
    none open; `key(row)` is the position to go on from.
    """
    actor_of(request)
    first = read_value(request, lambda: fetch(None, BATCH))  # refusals come before the first byte

    def lines() -> Iterator[bytes]:
        yield _line(header)
        batch = first
        while batch:
            yield b"".join(_line(row(item)) for item in batch)
            if len(batch) < BATCH:
                return
            after = key(batch[-1])
            batch = read_value(request, lambda after=after: fetch(after, BATCH))  # type: ignore[misc]

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def safe_cell(text: str) -> str:
    """A cell no spreadsheet takes for a formula: what could start one gets an apostrophe before it; numbers stay."""
    if text.lstrip(" ").startswith(_STARTS_FORMULA) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue().encode()
