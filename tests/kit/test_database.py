"""Preparing is harmless to repeat, and no process serves from a database that would not keep its promises."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from clustr.kit.database import UnsafeDatabase, check_safety, prepare
from tests.databases import superuser

WEAK = "clustr_test_weak"


def test_it_works() -> None:
    lines: list[str] = []
    prepare(progress=lines.append)
    assert lines == ["Applying migrations.", "The database is ready."]


@pytest.fixture
def weak() -> Iterator[psycopg.Connection]:
    """A role in the sweep role's place that tests give what it must not have."""
    options = connections["sweep"].settings_dict
    kept = options["USER"]
    with superuser() as server:
        server.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(WEAK)))
        options["USER"] = WEAK
        try:
            yield server
        finally:
            options["USER"] = kept
            server.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(WEAK)))


@pytest.mark.usefixtures("weak")
def test_a_powerless_role_is_safe() -> None:
    check_safety()


@pytest.mark.parametrize(
    ("gift", "says"),
    [
        ("ALTER ROLE {weak} SUPERUSER", "is a superuser"),
        ("ALTER ROLE {weak} BYPASSRLS", "may bypass row-level security"),
        ("ALTER ROLE {weak} CREATEROLE", "may create roles"),
        ("ALTER ROLE {weak} CREATEDB", "may create databases"),
        ("GRANT {app} TO {weak}", "is a member of"),
        ("GRANT CREATE ON SCHEMA public TO {weak}", "may create in the schema public"),
        ("CREATE TABLE weak_table (); ALTER TABLE weak_table OWNER TO {weak}", "owns weak_table"),
        (
            "CREATE FUNCTION weak() RETURNS int LANGUAGE sql RETURN 1; ALTER FUNCTION weak OWNER TO {weak}",
            "owns the function",
        ),
        ("CREATE SCHEMA weak AUTHORIZATION {weak}", "owns the schema weak"),
    ],
)
def test_a_role_with_powers_is_refused(weak: psycopg.Connection, gift: str, says: str) -> None:
    weak.execute(sql.SQL(gift).format(weak=sql.Identifier(WEAK), app=sql.Identifier(settings.ROLE_APP)))
    with pytest.raises(UnsafeDatabase, match=f"{WEAK} {says}"):
        check_safety()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("-c synchronous_commit=off", "synchronous_commit must be on"),
        ("-c default_transaction_isolation=serializable", "default_transaction_isolation must be read committed"),
        ("", "lock_timeout must be 3s, this is 0"),
    ],
)
def test_a_server_that_is_asked_for_less_is_refused(asked: str, says: str) -> None:
    options = connections["default"].settings_dict["OPTIONS"]
    kept = options["options"]
    connections["default"].close_pool()
    options["options"] = asked
    try:
        with pytest.raises(UnsafeDatabase, match=says):
            check_safety()
    finally:
        options["options"] = kept
        connections["default"].close_pool()


@pytest.mark.parametrize("alias", ["default", "owner", "sweep", "checker"])
def test_what_a_lock_protects_is_read_after_it_is_had(alias: str) -> None:
    """Whatever the server's own default is: every rule that a lock keeps rests on it."""
    name = sql.Identifier(str(connections[alias].settings_dict["NAME"]))
    with superuser() as server:
        server.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'").format(name))
        try:
            connections[alias].close()
            connections[alias].close_pool()
            with connections[alias].cursor() as cursor:
                cursor.execute("SHOW transaction_isolation")
                assert cursor.fetchone() == ("read committed",)
        finally:
            server.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_isolation").format(name))


def test_the_owner_of_the_schema_is_no_superuser() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


def test_the_runtime_role_cannot_change_the_schema() -> None:
    with (
        connections["default"].cursor() as cursor,
        pytest.raises(Exception, match="permission denied for schema public"),
    ):
        cursor.execute("CREATE TABLE intruder (id int)")
