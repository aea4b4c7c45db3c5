"""Which columns hold sealed values, so that a key can be retired: all of them are sealed anew with the newest, batch by
batch. Stopped in the middle it goes on where it was; both keys open meanwhile.

A room names its columns in `apps.ready()`. A column of an estate's table is gone through estate by estate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.kit.vault import seal, unseal

Place: TypeAlias = Callable[[UUID], str]
"""The place that the value of the row with this id was sealed for."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """One column. `of_estates`: whether its table belongs to them."""

    table: str
    column: str
    place: Place
    of_estates: bool


_columns: dict[str, Sealed] = {}


def register_sealed(table: str, column: str, place: Place, *, of_estates: bool = True) -> None:
    _columns.setdefault(f"{table}.{column}", Sealed(table, column, place, of_estates))


def sealed_columns() -> Mapping[str, Sealed]:
    return MappingProxyType(_columns)


def reseal(*, held: Sealed, cluster_id: UUID | None) -> int:
    """Seal anew what an older key sealed in this column (of this estate); answers how many values. Each batch is a commit
    of its own, and a value that changed meanwhile is left to whoever changed it."""
    done = 0
    while True:
        if cluster_id is not None:
            with tenant(cluster_id), crash_points("kit.reseal"):
                batch = _reseal_some(held)
        else:
            with transaction.atomic(durable=True), crash_points("kit.reseal"):
                batch = _reseal_some(held)
        done += batch
        if batch < _AT_ONCE:
            return done


def left_to_reseal(*, held: Sealed) -> int:
    """How many values of this column an older key still seals, in the estate of the transaction under way or in all."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {held.table} WHERE {_old(held)}", _newest())
        return int(cursor.fetchone()[0])


def _reseal_some(held: Sealed) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {held.column} FROM {held.table} WHERE {_old(held)} ORDER BY id LIMIT {_AT_ONCE} FOR UPDATE",
            _newest(),
        )
        found = cursor.fetchall()
        for row_id, value in found:
            place = held.place(row_id)
            cursor.execute(
                f"UPDATE {held.table} SET {held.column} = %s WHERE id = %s",
                [seal(unseal(bytes(value), bound_to=place), bound_to=place), row_id],
            )
    return len(found)


def _old(held: Sealed) -> str:
    """Not empty, and not sealed by the newest key, whose id and a zero byte it would begin with."""
    return f"{held.column} <> '' AND substring({held.column} FOR length(%(newest)s::bytea)) <> %(newest)s::bytea"


def _newest() -> dict[str, bytes]:
    return {"newest": next(iter(settings.ENV.encryption_keys)).encode() + b"\0"}
