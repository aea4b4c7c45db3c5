"""The database's own walls around the books: nobody changes a transfer, and the runtime role writes by the door only."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from clustr.kit.tenancy import tenant
from clustr.ledger.types import GUARDED, OPEN, AccountKind
from tests.databases import superuser
from tests.ledger.books import Books

CHANGES = [
    "UPDATE ledger_transfer SET amount = 1",
    "UPDATE ledger_transfer SET at = now()",
    "DELETE FROM ledger_transfer",
    "TRUNCATE ledger_transfer CASCADE",
]
WRITES = [
    *CHANGES,
    "INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, journal, at)"
    " SELECT cluster_id, gen_random_uuid(), debit, credit, amount, kind, journal, at FROM ledger_transfer",
    "INSERT INTO ledger_account (cluster_id, id, kind, currency, guarded, open)"
    " VALUES (kit_tenant(), gen_random_uuid(), 'suspense', 'NGN', false, false)",
    "UPDATE ledger_account SET balance = 1000000",
    "UPDATE ledger_account SET frozen_at = NULL",
    "UPDATE ledger_account SET guarded = false",
    "DELETE FROM ledger_account",
    "UPDATE ledger_checkpoint SET balance = 1000000",
    "INSERT INTO ledger_checkpoint SELECT cluster_id, id, '1', 1 FROM ledger_account",
    "UPDATE ledger_turnover SET credits = 1000000",
    "DELETE FROM ledger_turnover",
]
INNER = [
    "ledger_post_many(kit_tenant(), ARRAY[gen_random_uuid()], ARRAY[%(cash)s]::uuid[], ARRAY[%(wallet)s]::uuid[],"
    " ARRAY[1]::bigint[], ARRAY['adjustment'], ARRAY[''], ARRAY[gen_random_uuid()], ARRAY[NULL::uuid], now())",
    "ledger_same_transfer(kit_tenant(), %(cash)s, %(cash)s, %(wallet)s, 1, 'adjustment', NULL)",
    "ledger_refuse_debit(kit_tenant(), %(wallet)s)",
    "ledger_refuse_reversals(kit_tenant(), NULL, NULL, NULL, NULL, NULL)",
]


def state_of(error: DatabaseError) -> str:
    return str(getattr(error.__cause__, "sqlstate", ""))


@pytest.mark.parametrize("statement", WRITES)
def test_the_runtime_role_has_no_privilege(ledger: Books, statement: str) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with pytest.raises(DatabaseError) as raised, tenant(ledger.cluster_id), connections["default"].cursor() as cursor:
        cursor.execute(statement)
    assert state_of(raised.value) == "42501"
    assert ledger.balance(ledger.wallet) == 500


@pytest.mark.parametrize("call", INNER)
def test_the_runtime_role_may_not_call_what_the_door_calls(ledger: Books, call: str) -> None:
    with pytest.raises(DatabaseError) as raised, tenant(ledger.cluster_id), connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT {call}", {"cash": str(ledger.cash), "wallet": str(ledger.wallet)})
    assert "permission denied for function" in str(raised.value)


@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_is_refused_by_trigger(ledger: Books, statement: str) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(ledger.cluster_id)])
        cursor.execute(statement)


@pytest.mark.parametrize("statement", CHANGES)
def test_not_even_a_superuser_who_switches_triggers_off(ledger: Books, statement: str) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with superuser() as server:
        server.execute("SET session_replication_role = replica")
        with pytest.raises(Exception, match="append-only"):
            server.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", list(AccountKind))
def test_an_account_is_what_its_kind_is(ledger: Books, kind: AccountKind) -> None:
    """Whoever can call the door cannot open, say, a wallet that may be overdrawn."""
    guarded, open_ = kind in GUARDED, kind in OPEN

    def opening(guarded: bool, open_: bool) -> Any:
        with tenant(ledger.cluster_id), connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT ledger_open_account(gen_random_uuid(), %s, 'NGN', gen_random_uuid(), %s, %s)",
                [kind.value, guarded, open_],
            )
            return cursor.fetchone()

    assert opening(guarded, open_)
    for wrong in [(not guarded, open_), (guarded, not open_)]:
        with pytest.raises(DatabaseError, match="ledger_account_as_its_kind"):
            opening(*wrong)


def test_an_unknown_kind_of_account_is_refused(ledger: Books) -> None:
    with (
        pytest.raises(DatabaseError, match="ledger_account_as_its_kind"),
        tenant(ledger.cluster_id),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute("SELECT ledger_open_account(gen_random_uuid(), 'magic', 'NGN', NULL, false, true)")


@pytest.mark.parametrize("currency", ["ngn", "NG", "N1N"])
def test_what_is_no_currency_is_refused(ledger: Books, currency: str) -> None:
    with (
        pytest.raises(DatabaseError, match="ledger_currency_check"),
        tenant(ledger.cluster_id),
        connections["default"].cursor() as cursor,
    ):
        cursor.execute(
            "SELECT ledger_open_account(gen_random_uuid(), 'cluster_wallet', %s, NULL, false, false)", [currency]
        )


def test_the_door_is_shut_without_a_cluster(ledger: Books) -> None:
    with pytest.raises(DatabaseError, match="no cluster"), connections["default"].cursor() as cursor:
        cursor.execute("SELECT ledger_post('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', now())")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_account SET balance = -1 WHERE guarded", "UPDATE ledger_account SET balance = 1 WHERE NOT guarded"],
)
def test_balances_have_walls_of_their_own(ledger: Books, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"ledger_account_(not_overdrawn|balance_on_guarded)"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(ledger.cluster_id)])
        cursor.execute(statement)
