"""A dump restored into another server: horizons counted by the first one must not hide what the second one writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

from clustr.kit.database import UnsafeDatabase, check_safety
from clustr.kit.restoring import derived_tables, restored_elsewhere
from clustr.kit.tenancy import tenant
from tests.cast import Cast
from tests.databases import superuser

FACTS = {"audit_block"}
"""Closed for good over a horizon: no sums that could be taken again."""


@pytest.fixture
def from_elsewhere(cast: Cast) -> Iterator[None]:
    """As after a restore: a checkpoint whose horizon this server has not reached."""
    with superuser() as server:
        server.execute(
            "INSERT INTO ledger_account (cluster_id, id, kind, currency, guarded, open)"
            " VALUES (%(cluster)s, %(cluster)s, 'suspense', 'NGN', false, false)",
            {"cluster": cast.cluster_id},
        )
        server.execute(
            "INSERT INTO ledger_checkpoint (cluster_id, account_id, horizon, balance) SELECT %s, %s,"
            " (kit_lasting(pg_snapshot_xmax(s))::text::bigint + 1000000)::text::xid8, 0 FROM pg_current_snapshot() AS s",
            [cast.cluster_id, cast.cluster_id],
        )
        yield
        server.execute("TRUNCATE ledger_checkpoint")
        server.execute("DELETE FROM ledger_account WHERE id = %s", [cast.cluster_id])


def test_it_works(from_elsewhere: None, cast: Cast) -> None:
    call_command("after_restore")
    assert not restored_elsewhere()
    check_safety()
    with tenant(cast.cluster_id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_checkpoint")
        assert cursor.fetchone() == (0,)


def test_a_restored_copy_does_not_serve_before(from_elsewhere: None) -> None:
    assert restored_elsewhere()
    with pytest.raises(UnsafeDatabase, match="after_restore"):
        check_safety()


def test_every_table_with_a_horizon_is_declared_as_derived() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'horizon'"
        )
        assert {name for (name,) in cursor.fetchall()} - FACTS <= set(derived_tables())
