"""The only writer of the books, by way of the SQL functions of this room's migrations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.kit.crashpoints import crash_point
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.ledger.models import Transfer
from clustr.ledger.refusals import AccountNotFound, AlreadyReversed, TransferKeyReused
from clustr.ledger.types import GUARDED, OPEN, AccountKind, Entry, TransferKind


def open_account(*, kind: AccountKind, currency: str, subject_id: UUID | None = None) -> UUID:
    """Find or open the account of this kind (of this subject) in the current cluster; answers its id."""
    row = _call(
        "SELECT ledger_open_account(%s, %s, %s, %s, %s, %s)",
        [new_id(), kind.value, currency, subject_id, kind in GUARDED, kind in OPEN],
    )
    return UUID(str(row))


def open_accounts(*, kind: AccountKind, currency: str, subject_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Find or open one account of this kind for each subject, in one statement; answers account id by subject id."""
    current_tenant()
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.subject, ledger_open_account(s.id, %s, %s, s.subject, %s, %s)"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS s(subject, id) ORDER BY s.subject",
            [
                kind.value,
                currency,
                kind in GUARDED,
                kind in OPEN,
                list(subject_ids),
                [new_id() for _ in subject_ids],
            ],
        )
        return dict(cursor.fetchall())


def post(*, entries: Sequence[Entry], at: datetime) -> int:
    """Post a batch of transfers in one statement, all or none; answers how many were new.

    An entry whose id was posted before is skipped if it is the same and refused (`TransferKeyReused`) if it is not.
    Refuses `InsufficientFunds`, `AccountFrozen`, `AccountNotFound`, `AccountCurrencyMismatch`.
    """
    if not entries:
        return 0
    crash_point("ledger.post.before")
    posted = _post_one(entries[0], at) if len(entries) == 1 else _post_many(entries, at)
    crash_point("ledger.post.after")
    return posted


def _post_one(entry: Entry, at: datetime) -> int:
    posted = _call(
        "SELECT ledger_post_one(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            entry.id,
            entry.debit,
            entry.credit,
            entry.amount.minor,
            entry.kind.value,
            entry.label,
            entry.journal,
            entry.reverses,
            at,
        ],
    )
    return int(posted)


def _post_many(entries: Sequence[Entry], at: datetime) -> int:
    posted = _call(
        "SELECT ledger_post(%s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::uuid[],"
        " %s::uuid[], %s)",
        [
            [entry.id for entry in entries],
            [entry.debit for entry in entries],
            [entry.credit for entry in entries],
            [entry.amount.minor for entry in entries],
            [entry.kind.value for entry in entries],
            [entry.label for entry in entries],
            [entry.journal for entry in entries],
            [entry.reverses for entry in entries],
            at,
        ],
    )
    return int(posted)


def reverse(*, transfer_id: UUID, journal: UUID, at: datetime, kind: TransferKind = TransferKind.REVERSAL) -> UUID:
    """Undo a transfer by its mirror image, linked to it; a transfer is reversed at most once. Answers the new id."""
    original = Transfer.objects.filter(id=transfer_id, cluster_id=current_tenant()).first()
    if original is None:
        raise AccountNotFound("There is no such transfer in these books.")
    currency = _call(
        "SELECT currency FROM ledger_account WHERE id = %s AND cluster_id = kit_tenant()", [original.debit]
    )
    entry = Entry(
        id=derived_id("reversal", transfer_id),
        debit=original.credit,
        credit=original.debit,
        amount=Money(original.amount, str(currency)),
        kind=kind,
        journal=journal,
        label=original.label,
        reverses=transfer_id,
    )
    try:
        posted = post(entries=[entry], at=at)
    except TransferKeyReused as error:  # undone before, as another kind
        raise AlreadyReversed from error
    if not posted:
        raise AlreadyReversed
    return entry.id


def freeze_account(*, account_id: UUID, at: datetime) -> bool:
    """Refuse debits of this account from now on; answers False if it was frozen already."""
    return bool(_call("SELECT ledger_freeze(%s, %s)", [account_id, at]))


def unfreeze_account(*, account_id: UUID) -> bool:
    """Allow debits again; answers False if it was not frozen."""
    return bool(_call("SELECT ledger_freeze(%s, NULL)", [account_id]))


def close_account(*, cluster_id: UUID, account_id: UUID, timezone: str) -> int:
    """Advance a growing account's checkpoint and its turnover by day (in this time zone); answers how many transfers
    were folded in. Harmless to repeat and to run beside payments."""
    with tenant(cluster_id):
        return int(_call("SELECT ledger_close(%s, %s)", [account_id, timezone]))


def resort_turnover(*, timezone: str) -> None:
    """Sort the current cluster's turnover by the days of another time zone, when the cluster moves to it."""
    _call("SELECT ledger_resort_turnover(%s)", [timezone])


def _call(statement: str, parameters: list[Any]) -> Any:
    current_tenant()
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return row[0] if row else None
