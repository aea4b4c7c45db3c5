"""Locks on bills, taken before anything else in a command: a bill, or one member's part of it."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from clustr.kit.errors import refusals_from_database


def lock_bill(bill_id: UUID) -> None:
    """Wait until nobody acts on the bill, and keep everyone else from acting until the transaction ends."""
    _call("SELECT bills_lock(%s)", [bill_id])


def lock_part(bill_id: UUID, user_id: UUID) -> None:
    """Keep this member's part of the bill for this transaction; other members go on, edits and cancellation wait."""
    _call("SELECT bills_lock_part(%s, %s)", [bill_id, user_id])


def _call(statement: str, parameters: list[UUID]) -> None:
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
