"""Preparing the database: roles, privileges, migrations; and the checks without which no process serves.

Four logins share one database. The owner makes the schema and never serves. The app role owns nothing and sees one
cluster at a time. The sweep role finds due work across clusters in the few columns it was granted. The checker role
reads everything and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from clustr.kit import embedded
from clustr.kit.restoring import restored_elsewhere

OLDEST_SERVER = 150_000
_PREPARING = 7_264_101
"""The advisory lock that only one process preparing the database holds."""


class UnsafeDatabase(RuntimeError):
    """The database would not hold what ClustR promises; the message says what to change."""


def join() -> None:
    """Use the embedded server, starting it if need be; nothing to do where DATABASE_URL names one."""
    if settings.ENV.embedded:
        embedded.join(settings.DATA_DIR, password=settings.ENV.role_password(embedded.SUPERUSER))


def prepare(*, progress: Callable[[str], object] = print, safety: bool = True) -> None:
    """Bring the database to the present schema, from whatever state. Harmless to repeat, alone among processes."""
    join()
    with _administrator("postgres" if settings.ENV.embedded else _name()) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [_PREPARING])
        _make_roles(server, progress)
        if settings.ENV.embedded:
            _make_database(server, progress)
        with _administrator(_name()) as database:
            _grant(database)
        progress("Applying migrations.")
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        connections["owner"].close()
    if safety:
        check_safety()
    progress("The database is ready.")


def check_safety() -> None:
    """Refuse to serve unless the runtime role is powerless and the server keeps what it acknowledges."""
    with connections["default"].cursor() as cursor:
        version = int(_value(cursor, "SHOW server_version_num"))
        problems = [] if version >= OLDEST_SERVER else [f"PostgreSQL 15 or newer is needed, this is {version}"]
        problems += [
            f"{setting} must be on"
            for setting in ("fsync", "synchronous_commit", "full_page_writes")
            if _value(cursor, f"SHOW {setting}") in ("off", "local")
        ]
        problems += [
            f"{setting} must be {wanted}, this is {stands}: leave `options` out of DATABASE_URL and DATABASE_APP_URL"
            for setting, wanted in (("default_transaction_isolation", "read committed"), ("lock_timeout", "3s"))
            if (stands := _value(cursor, f"SHOW {setting}")) != wanted
        ]
        roles = [str(connections[alias].settings_dict["USER"]) for alias in ("default", "sweep", "checker")]
        cursor.execute(_POWERS, {"roles": roles})
        problems += [f"the role {problem}" for (problem,) in cursor.fetchall()]
    connections["default"].close()
    if restored_elsewhere():
        problems.append("this is a restored copy: run bin/manage after_restore")
    connections["checker"].close()
    if problems:
        raise UnsafeDatabase("; ".join(problems))


_POWERS = """
WITH login AS (SELECT * FROM pg_roles WHERE rolname = ANY(%(roles)s))
SELECT rolname || ' is a superuser' FROM login WHERE rolsuper
UNION ALL SELECT rolname || ' may bypass row-level security' FROM login WHERE rolbypassrls
UNION ALL SELECT rolname || ' may create roles' FROM login WHERE rolcreaterole
UNION ALL SELECT rolname || ' may create databases' FROM login WHERE rolcreatedb
UNION ALL SELECT login.rolname || ' is a member of ' || held.rolname
  FROM login JOIN pg_auth_members m ON m.member = login.oid JOIN pg_roles held ON held.oid = m.roleid
UNION ALL SELECT rolname || ' owns the database' FROM login
  JOIN pg_database d ON d.datdba = login.oid AND d.datname = current_database()
UNION ALL SELECT rolname || ' owns ' || c.oid::regclass::text FROM login JOIN pg_class c ON c.relowner = login.oid
UNION ALL SELECT rolname || ' owns the function ' || p.proname FROM login JOIN pg_proc p ON p.proowner = login.oid
UNION ALL SELECT rolname || ' owns the schema ' || n.nspname FROM login JOIN pg_namespace n ON n.nspowner = login.oid
UNION ALL SELECT rolname || ' may create in the schema public' FROM login
  WHERE has_schema_privilege(login.oid, 'public', 'CREATE')
"""


def _value(cursor: object, query: str) -> str:
    cursor.execute(query)  # type: ignore[attr-defined]
    return str(cursor.fetchone()[0])  # type: ignore[attr-defined]


def _name() -> str:
    return str(connections["owner"].settings_dict["NAME"])


@contextmanager
def _administrator(database: str) -> Iterator[psycopg.Connection]:
    """A login that may make roles: the embedded server's superuser, or the owner that DATABASE_URL names."""
    owner = connections["owner"].settings_dict
    user, password = owner["USER"], owner["PASSWORD"]
    if settings.ENV.embedded:
        user, password = embedded.SUPERUSER, settings.ENV.role_password(embedded.SUPERUSER)
    with psycopg.connect(
        host=owner["HOST"] or None,
        port=owner["PORT"] or None,
        dbname=database,
        user=user or None,
        password=password or None,
        autocommit=True,
        **_wire(owner),
    ) as connection:
        yield connection


def _wire(login: dict[str, Any]) -> dict[str, Any]:
    """How to connect, besides to whom and as whom: TLS and the like."""
    return {name: value for name, value in login["OPTIONS"].items() if name not in ("options", "pool")}


def _made_here() -> dict[str, bool]:
    """The roles, and whether ClustR makes them (a login given by its own URL is the operator's)."""
    env = settings.ENV
    return {
        settings.ROLE_APP: not env.DATABASE_APP_URL,
        settings.ROLE_SWEEP: not env.DATABASE_SWEEP_URL,
        settings.ROLE_CHECKER: not env.DATABASE_CHECKER_URL,
        **({settings.ROLE_OWNER: True} if env.embedded else {}),
    }


def _make_roles(server: psycopg.Connection, progress: Callable[[str], object]) -> None:
    for role, ours in _made_here().items():
        present = server.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
        if not ours:
            if not present:
                raise UnsafeDatabase(f"the role {role} does not exist; make it, or set DATABASE_ROLE_PREFIX")
            continue
        if not present:
            progress(f"Making the role {role}.")
            server.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        if present and _may_log_in(role):
            continue
        scrambled = server.pgconn.encrypt_password(
            settings.ENV.role_password(role).encode(), role.encode(), b"scram-sha-256"
        ).decode()
        server.execute(
            sql.SQL("ALTER ROLE {} LOGIN NOCREATEROLE NOCREATEDB NOINHERIT PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(scrambled)
            )
        )


def _may_log_in(role: str) -> bool:
    """Whether the role's derived password is in force already."""
    owner = connections["owner"].settings_dict
    try:
        psycopg.connect(
            host=owner["HOST"] or None,
            port=owner["PORT"] or None,
            dbname="postgres" if settings.ENV.embedded else _name(),
            user=role,
            password=settings.ENV.role_password(role),
            **_wire(owner),
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(server: psycopg.Connection, progress: Callable[[str], object]) -> None:
    if server.execute("SELECT FROM pg_database WHERE datname = %s", [_name()]).fetchone() is None:
        progress(f"Making the database {_name()}.")
        server.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(_name()), sql.Identifier(settings.ROLE_OWNER))
        )


def _grant(database: psycopg.Connection) -> None:
    """Who may do what from now on. `tenant_table` takes these back for cluster-owned tables and grants exactly."""
    owner = settings.ROLE_OWNER if settings.ENV.embedded else connections["owner"].settings_dict["USER"]
    names = {
        "owner": sql.Identifier(owner),
        "app": sql.Identifier(settings.ROLE_APP),
        "sweep": sql.Identifier(settings.ROLE_SWEEP),
        "checker": sql.Identifier(settings.ROLE_CHECKER),
    }
    if settings.ENV.embedded:
        database.execute(sql.SQL("ALTER SCHEMA public OWNER TO {owner}").format(**names))
    forbid_temporary_tables(database)
    for statement in _GRANTS:
        database.execute(sql.SQL(statement).format(**names))


def forbid_temporary_tables(database: psycopg.Connection) -> None:
    """Nobody who serves makes tables, not even ones that last as long as their connection. (The functions that run with
    their owner's rights look for tables in `pg_temp` last, should an operator's database allow them all the same.)"""
    roles = [settings.ROLE_APP, settings.ROLE_SWEEP, settings.ROLE_CHECKER]
    database.execute(
        sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC, {}").format(
            sql.Identifier(_name()), sql.SQL(", ").join(map(sql.Identifier, roles))
        )
    )


_DEFAULTS = "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT "
_GRANTS = (
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO {app}, {sweep}, {checker}",
    _DEFAULTS + "SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    _DEFAULTS + "USAGE ON SEQUENCES TO {app}",
    _DEFAULTS + "SELECT ON TABLES TO {checker}",
)
