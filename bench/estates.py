"""Estates of any size by set-based SQL. Every id is made from a number, so that load can name members without asking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from clustr.clusters.commands import found_cluster
from clustr.clusters.policies import permissions_of
from clustr.clusters.types import Role
from clustr.kit.actor import Actor, Origin
from clustr.kit.tenancy import SETTING

CURRENCY, TIMEZONE = "NGN", "Africa/Lagos"
ORIGIN = Origin(ip="127.0.0.1", user_agent="bench", request_id="bench")
LIVED_HERE_FOR = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Estate:
    """One cluster; its administrator is member 0, its residents are members 1 to `members`."""

    number: int
    members: int

    @property
    def cluster_id(self) -> UUID:
        return UUID(f"{self._prefix(0)}{0:012x}")

    def user_id(self, member: int) -> UUID:
        return UUID(f"{self._prefix(1)}{member:012x}")

    def wallet_id(self, member: int) -> UUID:
        return UUID(f"{self._prefix(3)}{member:012x}")

    def user_sql(self, number: str) -> str:
        """SQL for a member's user id; `number` is an SQL expression."""
        return self.sql(1, number)

    def wallet_sql(self, number: str) -> str:
        return self.sql(3, number)

    def sql(self, kind: int, number: str) -> str:
        return f"('{self._prefix(kind)}' || lpad(to_hex(({number})::bigint), 12, '0'))::uuid"

    def actor(self, member: int) -> Actor:
        role = Role.RESIDENT if member else Role.ADMIN
        return Actor(
            cluster_id=self.cluster_id,
            currency=CURRENCY,
            timezone=TIMEZONE,
            user_id=self.user_id(member),
            role=role.value,
            permissions=permissions_of(role, ()),
            origin=ORIGIN,
        )

    def _prefix(self, kind: int) -> str:
        return f"0199{kind:04x}-{self.number:04x}-7000-8000-"


def make_estates(estates: list[Estate], now: datetime) -> None:
    """Make these estates and their members; the index that people are searched by is built last, as for any bulk load."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
        cursor.execute("SELECT pg_get_indexdef('people_user_search'::regclass)")
        (search_index,) = cursor.fetchone()
        cursor.execute("DROP INDEX people_user_search")
        for estate in estates:
            _make_estate(estate, now)
        cursor.execute(search_index)
        for table in ("people_user", "clusters_membership", "clusters_unit", "clusters_tally"):
            cursor.execute(f"ANALYZE {table}")


def _make_estate(estate: Estate, now: datetime) -> None:
    since = now - LIVED_HERE_FOR
    found_cluster(
        cluster_id=estate.cluster_id, name=f"Estate {estate.number}", currency=CURRENCY, timezone=TIMEZONE, now=since
    )
    with owner_of(estate) as cursor:
        cursor.execute(
            "INSERT INTO people_user (id, email, name, phone, password, is_platform_staff, is_active, created_at)"
            f" SELECT {estate.user_sql('i')}, 'member' || i || '.estate{estate.number}@example.test',"
            " (ARRAY['Adaeze', 'Babatunde', 'Chiamaka', 'Damilola', 'Ebele', 'Folake', 'Gbenga'])[1 + mod(i, 7)] || ' ' ||"
            " (ARRAY['Adeyemi', 'Balogun', 'Chukwu', 'Danjuma', 'Eze', 'Fashola', 'Garba', 'Ibrahim'])[1 + mod(i / 7, 8)],"
            " '+23480' || lpad(i::text, 8, '0'), '!' || md5(i::text), false, true, %(since)s"
            " FROM generate_series(0, %(members)s) AS i",
            {"members": estate.members, "since": since},
        )
        cursor.execute(
            "INSERT INTO clusters_unit (cluster_id, id, label, label_key, unit_type)"
            f" SELECT kit_tenant(), {estate.sql(7, 'i')}, 'Block ' || i, 'block ' || i, 'flat'"
            " FROM generate_series(0, %(members)s / 4) AS i",
            {"members": estate.members},
        )
        cursor.execute(
            "INSERT INTO clusters_membership (cluster_id, id, user_id, unit_id, role, joined_at, invited_at, accepted_at)"
            f" SELECT kit_tenant(), {estate.sql(2, 'i')}, {estate.user_sql('i')},"
            f" CASE WHEN i > 0 THEN {estate.sql(7, 'i / 4')} END, CASE WHEN i > 0 THEN 'resident' ELSE 'admin' END,"
            " %(since)s + mod(i, 300) * interval '1 day', %(since)s, %(since)s FROM generate_series(0, %(members)s) AS i",
            {"members": estate.members, "since": since},
        )


def fund(estate: Estate, *, wallets: int, minor: int, now: datetime) -> None:
    """Open the wallets of members 1 to `wallets` with a balance, booked like any opening balance."""
    values = {"wallets": wallets, "minor": minor, "now": now}
    with owner_of(estate) as cursor:
        opening = _opening_account(cursor)
        open_wallets(cursor, estate, values)
        book_deposits(cursor, estate, opening, "generate_series(1, %(wallets)s) AS i", "i", "i", values)
    with connections["owner"].cursor() as cursor:
        for table in ("ledger_account", "ledger_transfer", "wallets_wallet", "payments_transaction", "audit_event"):
            cursor.execute(f"ANALYZE {table}")


def open_wallets(cursor: Any, estate: Estate, values: dict[str, Any]) -> None:
    """The wallets of members 1 to `wallets`, each holding `minor`."""
    cursor.execute(
        "INSERT INTO ledger_account (cluster_id, id, kind, subject_id, currency, guarded, open, balance)"
        f" SELECT kit_tenant(), {estate.wallet_sql('i')}, 'member_wallet', {estate.user_sql('i')}, '{CURRENCY}',"
        " true, false, %(minor)s FROM generate_series(1, %(wallets)s) AS i",
        values,
    )
    cursor.execute(
        "INSERT INTO wallets_wallet (cluster_id, id, user_id, currency, created_at)"
        f" SELECT kit_tenant(), {estate.wallet_sql('i')}, {estate.user_sql('i')}, '{CURRENCY}', %(now)s"
        " FROM generate_series(1, %(wallets)s) AS i",
        values,
    )


def book_deposits(
    cursor: Any, estate: Estate, opening: UUID, source: str, number: str, member: str, values: dict[str, Any]
) -> None:
    """A deposit for each row of `source`: `number` is its own, `member` whose wallet it reached. Needs `minor`, `now`."""
    id_, user, wallet = estate.sql(4, number), estate.user_sql(member), estate.wallet_sql(member)
    cursor.execute(
        "INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,"
        " user_id, purpose, description, created_at, completed_at)"
        f" SELECT kit_tenant(), {id_}, upper(left(md5(({number})::text), 26)), 'deposit', 'completed', %(minor)s,"
        f" '{CURRENCY}', 'opening', {user}, 'wallet', 'Opening balance', %(now)s, %(now)s FROM {source}",
        values,
    )
    cursor.execute(
        "INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, journal, at)"
        f" SELECT kit_tenant(), {id_}, %(opening)s, {wallet}, %(minor)s, 'opening_balance', {id_}, %(now)s"
        f" FROM {source}",
        values | {"opening": opening},
    )
    book_audit(cursor, estate, "wallets.opened_with_balance", id_, source, values)


def book_audit(cursor: Any, estate: Estate, action: str, journal: str, source: str, values: dict[str, Any]) -> None:
    cursor.execute(
        "INSERT INTO audit_event (cluster_id, id, at, actor_id, action, subject_kind, subject_id, journal)"
        f" SELECT kit_tenant(), {journal}, %(now)s, %(actor)s, '{action}', 'transaction', {journal}, {journal}"
        f" FROM {source}",
        values | {"actor": estate.user_id(0)},
    )


def _opening_account(cursor: Any) -> UUID:
    cursor.execute(
        f"SELECT ledger_open_account(gen_random_uuid(), 'opening_balances', '{CURRENCY}', NULL, false, true)"
    )
    account: UUID = cursor.fetchone()[0]
    return account


@contextmanager
def owner_of(estate: Estate) -> Iterator[Any]:
    """A transaction of the tables' owner in one estate: what it writes passes the same policies and constraints."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, str(estate.cluster_id)])
        yield cursor
