"""The bench's own PostgreSQL: one prepared template per state of the schema's code, and databases made from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.db import connections
from psycopg import sql

from clustr.kit import database, embedded

_CODE = (
    "clustr/*/migrations/*.py",
    "clustr/kit/schema.py",
    "clustr/kit/database.py",
    "bench/estates.py",
    "bench/history.py",
    "bench/doings.py",
    "bench/town.py",
    "bench/sizes.py",
)
_PREFIX = "bench_"
_READY = "ready"


@contextmanager
def administrator(name: str = "postgres") -> Iterator[psycopg.Connection]:
    """The server's superuser."""
    where = embedded.address(settings.DATA_DIR)
    with psycopg.connect(
        host=str(where.host),
        port=where.port,
        user=embedded.SUPERUSER,
        password=settings.ENV.role_password(embedded.SUPERUSER),
        dbname=name,
        autocommit=True,
    ) as connection:
        yield connection


def prepared() -> str:
    """The template of the present schema, made if need be; whatever earlier code made is dropped."""
    database.join()
    wanted = f"{_PREFIX}{_digest()}"
    with administrator() as server:
        for (name,) in server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'bench\\_%'").fetchall():
            if not name.startswith(wanted):
                drop(server, name)
        if not _is_ready(server, wanted):
            drop(server, wanted)
            use(wanted)
            database.prepare(progress=lambda _line: None)
            _note_ready(server, wanted)
    return wanted


def seeded(kind: str, fill: Callable[[], None]) -> str:
    """A database of this kind, filled once and kept: later runs of the same code and size find it ready."""
    template = prepared()
    name = f"{template}_{kind}"
    with administrator() as server:
        if not _is_ready(server, name):
            _clone(server, template, name)
            use(name)
            fill()
            with administrator(name) as inside:
                inside.execute("VACUUM (ANALYZE)")
            _note_ready(server, name)
    return name


@contextmanager
def scratch(template: str) -> Iterator[str]:
    """A copy of a database for one section, which this process uses; dropped afterwards."""
    name = f"{prepared()}_scratch"
    with administrator() as server:
        _clone(server, template, name)
        server.execute("CHECKPOINT")
    use(name)
    try:
        yield name
    finally:
        use("postgres")
        with administrator() as server:
            drop(server, name)


def use(name: str) -> None:
    """Close what is open and connect to this database from now on."""
    _let_go()
    for alias in connections:
        connections[alias].settings_dict["NAME"] = name


def address_of(name: str) -> str:
    """This database as DATABASE_URL, for a server of its own."""
    where, owner = embedded.address(settings.DATA_DIR), settings.ROLE_OWNER
    return f"postgresql://{owner}:{settings.ENV.role_password(owner)}@/{name}?host={quote(str(where.host), safe='')}"


def drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _let_go() -> None:
    connections.close_all()
    for alias in connections:
        connections[alias].close_pool()  # type: ignore[attr-defined]


def _clone(server: psycopg.Connection, template: str, name: str) -> None:
    use("postgres")
    drop(server, name)
    server.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def _is_ready(server: psycopg.Connection, name: str) -> bool:
    found = server.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    return found == (_READY,)


def _note_ready(server: psycopg.Connection, name: str) -> None:
    _let_go()
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(_READY)))


def _digest() -> str:
    digest = hashlib.sha256()
    for pattern in _CODE:
        for path in sorted(Path(settings.PROJECT_ROOT).glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]
