"""A small set of books to test on: accounts of every sort in a cluster of their own, and short ways to post."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from django.db import connection

from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands, queries
from clustr.ledger.types import AccountKind, Entry, TransferKind
from tests.cast import Cast, Estate
from tests.proofs import broken_books

FULL_SUM = """
SELECT ledger_balance(%(account)s),
  coalesce(sum(CASE WHEN credit = %(account)s THEN amount ELSE -amount END), 0)::bigint
FROM ledger_transfer WHERE cluster_id = kit_tenant() AND %(account)s IN (debit, credit)
"""


LEFT = """
SELECT count(*) FROM ledger_transfer t JOIN ledger_checkpoint k ON k.account_id = %(account)s
WHERE t.cluster_id = kit_tenant() AND %(account)s IN (t.debit, t.credit) AND t.xid >= k.horizon
"""


@dataclass(frozen=True)
class Books:
    """Accounts of one cluster: `cash` stands for money outside, `wallet` and `other` are guarded, `till` grows."""

    cast: Cast
    cluster_id: UUID
    cash: UUID
    wallet: UUID
    other: UUID
    till: UUID

    def entry(self, debit: UUID, credit: UUID, minor: int, **changes: object) -> Entry:
        made: dict[str, object] = {
            "id": new_id(),
            "debit": debit,
            "credit": credit,
            "amount": Money(minor, "NGN"),
            "kind": TransferKind.ADJUSTMENT,
            "journal": new_id(),
        }
        return Entry(**(made | changes))  # type: ignore[arg-type]

    def post(self, *entries: Entry) -> int:
        with tenant(self.cluster_id):
            return commands.post(entries=entries, at=self.cast.now)

    def move(self, debit: UUID, credit: UUID, minor: int, **changes: object) -> Entry:
        """Post one transfer, and answer its entry."""
        entry = self.entry(debit, credit, minor, **changes)
        assert self.post(entry) == 1
        return entry

    def balance(self, account: UUID) -> int:
        with tenant(self.cluster_id):
            return queries.balance(account_id=account, currency="NGN").minor

    def said_and_summed(self, account: UUID) -> tuple[int, int]:
        """The balance, and the sum over every transfer, in one snapshot."""
        with tenant(self.cluster_id), connection.cursor() as cursor:
            cursor.execute(FULL_SUM, {"account": account})
            said, summed = cursor.fetchone()
        return int(said), int(summed)

    def close_wholly(self, account: UUID) -> int:
        """Close until everything is folded in: transactions of other databases of the server hold the horizon back."""
        folded = self.close(account)
        for _ in range(600):
            with tenant(self.cluster_id), connection.cursor() as cursor:
                cursor.execute(LEFT, {"account": account})
                if cursor.fetchone() == (0,):
                    return folded
            time.sleep(0.05)
            folded += self.close(account)
        raise AssertionError("the horizon does not move")

    def close(self, account: UUID) -> int:
        return commands.close_account(cluster_id=self.cluster_id, account_id=account, timezone="Africa/Lagos")


def open_books(cast: Cast, estate: Estate | None = None) -> Books:
    cluster_id = (estate or cast.palm_grove).id

    def account(kind: AccountKind, subject: UUID | None = None) -> UUID:
        return commands.open_account(kind=kind, currency="NGN", subject_id=subject)

    with tenant(cluster_id):
        return Books(
            cast,
            cluster_id,
            cash=account(AccountKind.RECEIVED_CASH),
            wallet=account(AccountKind.MEMBER_WALLET, uuid4()),
            other=account(AccountKind.MEMBER_WALLET, uuid4()),
            till=account(AccountKind.CLUSTER_WALLET),
        )


@pytest.fixture
def ledger(cast: Cast) -> Iterator[Books]:
    """Books of Palm Grove; what the ledger itself promises is proved at the end, for Lekki too."""
    yield open_books(cast)
    for estate in (cast.palm_grove, cast.lekki):
        assert [found for found in broken_books(estate.id) if found[0].startswith("ledger.")] == []
