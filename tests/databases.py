"""The tests' databases: one template, prepared once per state of the schema's code, and a clone of it per process."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

from clustr.kit import database, embedded
from tests import kept

_SCHEMA_CODE = (
    "clustr/*/migrations/*.py",
    *("clustr/*/types.py", "clustr/*/states.py"),  # what migrations write their CHECKs and steps from
    *("clustr/kit/schema.py", "clustr/kit/database.py", "requirements/app.txt"),
)
_TEMPLATE = "clustr_test_template_"
_CLONE = "clustr_test_run_"
_COPY = "_copy"


@contextmanager
def cloned_database() -> Iterator[str]:
    """Point every connection at this process's own copy of the prepared schema; drop it afterwards."""
    database.join()
    name = f"{_CLONE}{os.getpid()}"
    with _alone(), administrator("postgres") as server:
        template = _template(server)
        _drop(server, name)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    _use(name)
    with administrator() as clone:  # what is granted on a database itself is not copied with it
        database.forbid_temporary_tables(clone)
    try:
        yield name
    finally:
        kept.forget()
        _use(name)
        with administrator("postgres") as server:
            _drop(server, name)
        embedded.leave()


def _template(server: psycopg.Connection) -> str:
    """The prepared database of the present schema; those of earlier schemas and of dead runs go."""
    wanted = _TEMPLATE + _schema_digest()
    found = dict(
        server.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE 'clustr\\_test\\_%'"
        ).fetchall()
    )
    for name in found:
        stale = name.startswith(_TEMPLATE) and (name != wanted or found[name] != "prepared")
        if stale or (name.startswith(_CLONE) and not _alive(int(name.removeprefix(_CLONE).removesuffix(_COPY)))):
            _drop(server, name)
    if found.get(wanted) != "prepared":
        if not settings.ENV.embedded:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(wanted)))
        _use(wanted)
        database.prepare(progress=lambda _line: None)
        _use(wanted)
        server.execute(sql.SQL("COMMENT ON DATABASE {} IS 'prepared'").format(sql.Identifier(wanted)))
    return wanted


@contextmanager
def copied_database() -> Iterator[str]:
    """A copy of this process's database as it stands, for what could not be undone there."""
    name = connections["owner"].settings_dict["NAME"]
    copy = name + _COPY
    kept.forget()
    _use(name)
    with administrator("postgres") as server:
        _drop(server, copy)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(copy), sql.Identifier(name)))
    try:
        yield copy
    finally:
        with administrator("postgres") as server:
            _drop(server, copy)


@contextmanager
def looking_at(name: str, *aliases: str) -> Iterator[None]:
    """Inside, these aliases are connected to another database."""
    usual = connections["owner"].settings_dict["NAME"]
    _use(name, *aliases)
    try:
        yield
    finally:
        _use(usual, *aliases)


def _use(name: str, *aliases: str) -> None:
    """Close what is open and connect to this database from now on: through these aliases, or all."""
    for alias in aliases or connections:
        connections[alias].close()
        connections[alias].close_pool()
        connections[alias].settings_dict["NAME"] = name


@contextmanager
def administrator(database: str | None = None) -> Iterator[psycopg.Connection]:
    """The server's superuser, or the owner that DATABASE_URL names, in the clone or in another database."""
    with psycopg.connect(**administrator_parameters(database), autocommit=True) as connection:
        yield connection


def administrator_parameters(database: str | None = None) -> dict[str, Any]:
    """How to connect as the administrator."""
    owner = connections["owner"].settings_dict
    user, password, name = owner["USER"], owner["PASSWORD"], database or owner["NAME"]
    if settings.ENV.embedded:
        user, password = embedded.SUPERUSER, settings.ENV.role_password(embedded.SUPERUSER)
    return {"host": owner["HOST"], "port": owner["PORT"] or None, "user": user, "password": password, "dbname": name}


@contextmanager
def superuser() -> Iterator[psycopg.Connection]:
    """For tests that break the database on purpose; skipped where DATABASE_URL names an ordinary owner."""
    with administrator() as server:
        if server.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
            pytest.skip("this needs a superuser")
        yield server


@contextmanager
def _alone() -> Iterator[None]:
    path = Path(settings.DATA_DIR) / "template.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _schema_digest() -> str:
    digest = hashlib.sha256(settings.ROLE_APP.encode())
    for pattern in _SCHEMA_CODE:
        for path in sorted(settings.PROJECT_ROOT.glob(pattern)):
            digest.update(str(path.relative_to(settings.PROJECT_ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
