"""django-hordak on the same server: its own environment, its own database, its Python API and its SQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db import connections
from psycopg import sql

from bench import databases, pgbench, processes
from bench.pgbench import Script
from bench.results import Line
from bench.settings import DATA_DIR
from bench.sizes import Size

_LOCK = Path(settings.PROJECT_ROOT) / "requirements" / "bench.txt"
_PROJECT = Path(__file__).with_name("hordak_project.py")
_INSTALLING_SECONDS = 120
_TRANSFER = """\\set m random(2, {accounts})
BEGIN;
INSERT INTO hordak_transaction (uuid, timestamp, date, description)
  VALUES (gen_random_uuid(), now(), current_date, '') RETURNING id AS t \\gset
INSERT INTO hordak_leg (uuid, transaction_id, account_id, currency, credit, debit, description)
  VALUES (gen_random_uuid(), :t, :m, 'NGN', 1, NULL, '');
INSERT INTO hordak_leg (uuid, transaction_id, account_id, currency, credit, debit, description)
  VALUES (gen_random_uuid(), :t, 1, 'NGN', NULL, 1, '');
COMMIT;"""


def measure(size: Size, clients: int, count: int, threads: int) -> list[Line]:
    """Single transfers to one hot account. It keeps no balance and refuses no overdraft: it sums legs when asked."""
    try:
        python = _environment()
    except (subprocess.SubprocessError, OSError) as error:
        return [Line("django-hordak 2.0.0", f"not measured, it could not be installed: {_last_words(error)}")]
    name = f"{databases.prepared()}_hordak"
    owner = settings.ROLE_OWNER
    with databases.administrator() as server:
        databases.drop(server, name)
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    try:
        return _measured(size, python, name, clients, count, threads)
    finally:
        databases.use("postgres")
        with databases.administrator() as server:
            databases.drop(server, name)


def _measured(size: Size, python: str, name: str, clients: int, count: int, threads: int) -> list[Line]:
    env = _login(name)
    accounts = min(1_000, size.wallets)
    subprocess.run(
        [python, str(_PROJECT), "setup", str(accounts)], env={**os.environ, **env}, check=True, capture_output=True
    )
    work = [python, str(_PROJECT), "work", str(accounts), str(threads), str(size.seconds)]
    rate = processes.crowd(work, count, env=env)
    databases.use(name)
    script = Script("hordak", _TRANSFER.format(accounts=accounts + 1), clients, alias="owner")
    ran = [pgbench.run(script, seconds=size.seconds) for _ in range(size.rounds)]
    bare = pgbench.median(ran)
    return [
        Line(f"django-hordak 2.0.0 through Python, {count} processes x {threads} threads", f"{rate:,.0f}/s"),
        Line(f"django-hordak 2.0.0, its SQL, {clients} clients", f"{bare.per_second:,.0f}/s, {bare.latency_ms:.2f} ms"),
    ]


def _login(name: str) -> Mapping[str, str]:
    owner = connections["owner"].settings_dict
    return {
        "HORDAK_HOST": str(owner["HOST"]),
        "HORDAK_DATABASE": name,
        "HORDAK_USER": str(owner["USER"]),
        "HORDAK_PASSWORD": str(owner["PASSWORD"]),
    }


def _environment() -> str:
    """Python with django-hordak, from the lock with hashes; made once, apart from ClustR's own environment."""
    folder = DATA_DIR / "hordak"
    python, note = folder / "bin" / "python", folder / ".installed"
    if not note.exists() or note.read_text() != _LOCK.read_text():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        # It is published as source only.
        options = ["--require-hashes", "--only-binary", ":all:", "--no-binary", "django-hordak", "-r", str(_LOCK)]
        _run([str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *options])
        note.write_text(_LOCK.read_text())
    return str(python)


def _last_words(error: Exception) -> str:
    words = getattr(error, "stderr", None) or str(error).encode()
    return str(words.decode(errors="replace").strip().splitlines()[-1][:120])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_INSTALLING_SECONDS)
