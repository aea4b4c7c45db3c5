"""From a piece of the product's own work to a pgbench script: the statements as the product sends them, at the floor.

The same work is done twice, for two members. What is equal in both is written into the script as it is. What differs
is what varies from payment to payment: a member, a wallet, or an id that is fresh each time. So the floor follows
whatever the product comes to send, and nobody keeps a copy of its SQL here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import sql
from psycopg.types.json import Json, Jsonb

_MEMBERS = (1, 2)
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|s|%)")


@dataclass(frozen=True, slots=True)
class Statement:
    text: str
    values: tuple[Any, ...]
    """In the order of the placeholders."""


@contextmanager
def recorded(*, transaction_only: bool = True, also: str = "") -> Iterator[list[Statement]]:
    """Collect what the default connection sends inside a transaction while the block runs; and statements that are a
    transaction by themselves, which `also` names by a piece of their text."""
    sent: list[Statement] = []

    def watch(execute: Any, text: str, params: Any, many: bool, context: Any) -> Any:
        if context["connection"].in_atomic_block or not transaction_only or (also and also in text):
            sent.append(_statement(text, params))
        return execute(text, params, many, context)

    connection.ensure_connection()
    with connection.execute_wrapper(watch):
        yield sent


def script_of(
    work: Callable[[int], object], *, known: Callable[[int], Mapping[object, str]], batch: int = 0, also: str = ""
) -> list[str]:
    """The statements of `work`, done for two members, with what varies as SQL over pgbench's variables.

    `known` names what belongs to a member: value to SQL, in which `:m` is the member's number. With `batch`, every list
    of one becomes that many, and SQL may say `r` for the row.
    """
    sent: list[list[Statement]] = []
    for member in _MEMBERS:
        with recorded(also=also) as statements:
            work(member)
        sent.append(statements)
    first, second = sent
    if [one.text for one in first] != [two.text for two in second]:
        raise RuntimeError("the same work sent different statements: nothing to measure by")
    writer = _Writer(known(_MEMBERS[0]), batch)
    return [writer.written(one, two) for one, two in zip(first, second, strict=True)]


class _Writer:
    def __init__(self, known: Mapping[object, str], batch: int) -> None:
        self._known = known
        self._batch = batch
        self._fresh: dict[object, int] = {}

    def written(self, one: Statement, two: Statement) -> str:
        pairs = iter(zip(one.values, two.values, strict=True))

        def put(found: re.Match[str]) -> str:
            return "%" if found[0] == "%%" else self._value(*next(pairs))

        return _PLACEHOLDER.sub(put, one.text)

    def _value(self, one: Any, two: Any) -> str:
        if isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two) > 0:
            if self._batch:
                return f"ARRAY(SELECT {self._value(one[0], two[0])} FROM generate_series(1, {self._batch}) AS r)"
            return "ARRAY[" + ", ".join(self._value(a, b) for a, b in zip(one, two, strict=True)) + "]"
        if isinstance(one, datetime):
            return "now()"
        if one == two:
            return literal(one)
        if one in self._known:
            return self._known[one]
        if isinstance(one, UUID):
            return self._fresh_id(one)
        if isinstance(one, str):
            return self._text(one)
        if isinstance(one, bytes):
            return f"sha256(uuid_send({self._fresh_id(one)}))" if len(one) == 32 else literal(one)
        raise RuntimeError(f"{one!r} varies, and it is not known how")

    def _text(self, one: str) -> str:
        for value, expression in self._known.items():
            if isinstance(value, UUID) and str(value) in one:
                before, after = one.split(str(value), 1)
                return f"({literal(before)} || ({expression})::text || {literal(after)})"
        if len(one) <= 32 and " " not in one:  # a reference, not an answer
            return f"upper(left(replace(({self._fresh_id(one)})::text, '-', ''), {len(one)}))"
        return literal(one)

    def _fresh_id(self, value: object) -> str:
        return fresh_id(self._fresh.setdefault(value, len(self._fresh)), "r" if self._batch else "0")


def fresh_id(which: int = 0, row: str = "0") -> str:
    """SQL of an id that comes once. It is a UUIDv7 like the product's own: `:k` begins at the present millisecond and
    counts a client's transactions, `:run` tells runs apart, `which` the ids of one transaction, `row` those of one batch."""
    return (
        "(lpad(to_hex(:k::bigint), 12, '0') || '7' || lpad(to_hex(:client_id::int), 3, '0')"
        f" || '8' || lpad(to_hex(:run::int), 2, '0') || '{which:x}' || lpad(to_hex(({row})::bigint), 12, '0'))::uuid"
    )


def literal(value: Any) -> str:
    """A constant. pgbench takes a colon before a word for a variable, even inside a string."""
    if isinstance(value, str) and re.search(r":[A-Za-z_]", value):
        escaped = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a").replace("\n", "\\n")
        return f"E'{escaped}'"
    return str(sql.Literal(value).as_string(connection.connection))


def _statement(text: str, params: Any) -> Statement:
    if params is None:
        return Statement(text.replace("%", "%%"), ())
    placed: Sequence[Any]
    if isinstance(params, Mapping):
        placed = [params[found[1]] for found in _PLACEHOLDER.finditer(text) if found[0] != "%%"]
    else:
        placed = list(params)
    return Statement(
        text, tuple(json.dumps(value.obj) if isinstance(value, Json | Jsonb) else value for value in placed)
    )
