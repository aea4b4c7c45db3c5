"""The real server, as `bin/run` starts it, on a database of the bench; and API tokens for many people at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import psutil
from allauth.headless.tokens.strategies.jwt.internal import create_token, session_key_to_sid
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils.crypto import get_random_string

from bench.databases import address_of
from bench.estates import Estate
from bench.ports import free_port
from bench.settings import DATA_DIR, ENVIRONMENT
from clustr.kit import clock
from clustr.people.models import User
from clustr.people.tokens import AccessTokens

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running ClustR: where, and its supervisor's process."""

    port: int
    process: psutil.Process

    def workers(self) -> list[psutil.Process]:
        """The web workers: granian's own children."""
        kept = self.process.children()
        granian = [process for process in kept if "granian" in " ".join(process.cmdline())]
        return [child for process in granian for child in process.children()]

    def jobs(self) -> psutil.Process:
        """The process that works off jobs."""
        return next(process for process in self.process.children() if process.cmdline()[-1] == "worker")


@contextmanager
def serving(
    database: str, *, workers: int = 2, threads: int = 8, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serve this database until the block ends; `environ`: what else the server is told."""
    port = free_port()
    log = (DATA_DIR / f"serve-{port}.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(settings.PROJECT_ROOT / "manage.py"), "serve"],
        env={
            **os.environ,
            **ENVIRONMENT,
            "DJANGO_SETTINGS_MODULE": "clustr.settings",
            "DATABASE_URL": address_of(database),
            "PORT": str(port),
            "WEB_WORKERS": str(workers),
            "WEB_THREADS": str(threads),
            **(environ or {}),
        },
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, port, log.name)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def tokens_of(user_ids: Sequence[UUID]) -> list[str]:
    """An access token of a real session for each of these people, as signing in would make it."""
    users, claims = User.objects.in_bulk(list(user_ids)), AccessTokens()
    keys = sessions_of(user_ids)
    return [
        create_token(
            "access",
            sub=str(user_id),
            sid=session_key_to_sid(keys[user_id]),
            claims=claims.get_claims(users[user_id]),
            expires_in=86_400,
        )[0]
        for user_id in user_ids
    ]


def sessions_of(user_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The key of a real session for each of these people: what a browser's cookie holds."""
    users = User.objects.in_bulk(list(user_ids))
    store, expires_at = SessionStore(), clock.now() + timedelta(days=1)
    keys = {user_id: get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789") for user_id in user_ids}
    Session.objects.bulk_create(
        [
            Session(
                session_key=keys[user_id],
                expire_date=expires_at,
                session_data=store.encode(
                    {
                        SESSION_KEY: str(user_id),
                        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                        HASH_SESSION_KEY: users[user_id].get_session_auth_hash(),
                        "account_authentication_methods": [{"method": "password", "at": clock.now().timestamp()}],
                    }
                ),
            )
            for user_id in user_ids
        ],
        batch_size=1_000,
    )
    return keys


def tokens_for(estate: Estate, members: Sequence[int]) -> dict[int, str]:
    return dict(zip(members, tokens_of([estate.user_id(member) for member in members]), strict=True))


def get(token: str, path: str) -> bytes:
    """A request's bytes, ready to be sent."""
    return _request("GET", path, token, b"", "")


def page(session: str, path: str) -> bytes:
    """A request of a browser for a page for people, likewise."""
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {settings.SESSION_COOKIE_NAME}={session}\r\n"
        "Accept: text/html\r\nAccept-Encoding: gzip\r\nUser-Agent: bench\r\n\r\n"
    )
    return head.encode()


def post(token: str, path: str, body: object, *, key: bool = True) -> bytes:
    """Likewise, with a JSON body (or bytes of CSV) and an Idempotency-Key of its own."""
    sent, kind = (body, "text/csv") if isinstance(body, bytes) else (json.dumps(body).encode(), "application/json")
    more = f"Content-Type: {kind}\r\nContent-Length: {len(sent)}\r\n"
    return _request("POST", path, token, sent, more + (f"Idempotency-Key: {uuid4()}\r\n" if key else ""))


def notice(path: str, body: bytes, signed: tuple[str, str]) -> bytes:
    """A webhook, as a provider sends it; `signed` is the header that says so."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n{signed[0]}: {signed[1]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _request(method: str, path: str, token: str, body: bytes, more: str) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Accept: application/json\r\nUser-Agent: bench\r\n{more}\r\n"
    )
    return head.encode() + body


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not become ready; see {log}")
