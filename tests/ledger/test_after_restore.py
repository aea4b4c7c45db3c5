"""A dump restored into a server that has counted fewer transactions: nothing new may fall behind what was restored."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

from clustr.bills import commands as bills
from clustr.kit.restoring import number_on, restored_elsewhere
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries
from clustr.ledger.types import AccountKind
from tests.cast import Cast
from tests.databases import superuser
from tests.ledger.books import open_books
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, prove

FAR = 2**40
NUMBERED = """
SELECT table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND udt_name = 'xid8' AND table_name <> 'audit_horizon'
"""


@pytest.fixture
def restored(cast: Cast) -> Iterator[Cast]:
    """Books with a payment and closed sums, whose every number was counted by a server far ahead of this one."""
    bill = issue(cast, "500.00")
    fund(cast, cast.bola, "1000.00")
    acknowledge(cast, cast.bola, bill)
    _pay(cast, bill.id, "200.00")
    _close(cast, bill.id)
    with superuser() as server, server.transaction():
        server.execute("SET LOCAL session_replication_role = replica")
        for table, column, _ in _numbered():
            server.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            server.execute(
                f"UPDATE {table} SET {column} = ({column}::text::bigint + {FAR})::text::xid8 WHERE cluster_id = %s",
                [cast.cluster_id],
            )
            server.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            if column == "xid":
                server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
                server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_truncate")
    cast.bill_id = bill.id  # type: ignore[attr-defined]
    yield cast


def _numbered() -> list[tuple[str, str, str]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(NUMBERED)
        return list(cursor.fetchall())


def _pay(cast: Cast, bill_id: object, amount: str) -> None:
    bills.pay_bill(
        actor=cast.bola.actor,
        bill_id=bill_id,  # type: ignore[arg-type]
        amount=naira(amount),
        authorization=no_pin(cast.bola),
        now=cast.now,
    )


def _close(cast: Cast, bill_id: object) -> int:
    folded = ledger.close_account(cluster_id=cast.cluster_id, account_id=_wallet(cast), timezone="Africa/Lagos")
    with tenant(cast.cluster_id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT bills_close(%s)", [bill_id])
    return folded


def _wallet(cast: Cast) -> object:
    with tenant(cast.cluster_id):
        return ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")


def test_it_works(restored: Cast) -> None:
    assert restored_elsewhere()
    call_command("after_restore")
    assert not restored_elsewhere()

    _pay(restored, restored.bill_id, "30.00")  # type: ignore[attr-defined]

    assert cluster_balance(restored.cluster_id) == "230.00"
    with tenant(restored.cluster_id):
        newest = queries.statement(account_id=_wallet(restored))[0]  # type: ignore[arg-type]
        assert newest.amount_minor == 3000, "what is new stands above what was restored"
    books = open_books(restored)
    assert books.close_wholly(books.till) == 2, "everything is folded in again, also what was restored"
    assert cluster_balance(restored.cluster_id) == "230.00"
    prove(restored)
    call_command("check_books", cluster=restored.cluster_id)


def test_without_it_new_payments_would_be_missed(restored: Cast) -> None:
    """What the start-up check protects from: the horizon hides what is posted now."""
    _pay(restored, restored.bill_id, "30.00")  # type: ignore[attr-defined]
    assert cluster_balance(restored.cluster_id) == "200.00"
    call_command("after_restore")
    assert cluster_balance(restored.cluster_id) == "230.00"


def test_repeating_it_changes_nothing(restored: Cast) -> None:
    ahead = number_on()
    assert ahead > FAR // 2
    assert number_on() == ahead
    call_command("after_restore")
    assert number_on() == ahead


def test_every_number_is_on_the_lasting_scale() -> None:
    rows = {(table, column): default for table, column, default in _numbered()}
    written = {place: default for place, default in rows.items() if place[1] == "xid"}
    assert len(written) >= 3
    assert set(written.values()) == {"kit_lasting(pg_current_xact_id())"}
