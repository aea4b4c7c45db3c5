"""What is told in confidence is nowhere afterwards: not in a table, a log, a job, a mail to others, or an error."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.conf import settings as django_settings

from clustr.web import logs
from tests.canaries import stored
from tests.databases import administrator
from tests.fuzz.conftest import Door
from tests.fuzz.fields import JSON, Field, fields, operations
from tests.fuzz.wire import send

CARD = "4000 0566 5566 5556"
PASSWORD = f"canary-{token_hex(8)}"
TOKEN = f"canary.{token_hex(12)}.{token_hex(12)}"
PIN = "748205"
CODE = "74820593"
PLACES = fields(
    "text", "code", "digits", "id", "amount", "instant", "choice", "integer", "boolean", "email", places=("body",)
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that production would have logged, at its most talkative."""
    logs.configure(production=True, level="DEBUG")
    handler: Any = next(h for h in logging.getLogger().handlers if h.formatter is not None)
    access = logging.getLogger("clustr.access")
    level, out = access.level, io.StringIO()
    access.setLevel("DEBUG")
    before = handler.setStream(out)
    yield out
    handler.setStream(before)
    access.setLevel(level)
    logs.configure(production=False, level=django_settings.ENV.CLUSTR_LOG_LEVEL)


def answered_without(answer: Any, *canaries: str) -> None:
    for canary in canaries:
        assert canary not in answer.text, (canary, answer.text)


def test_a_card_number_goes_nowhere(door: Door, written: io.StringIO) -> None:
    """In every field of every body, in filters, keys and headers, and under a field nobody knows."""
    for field in PLACES:
        for sent in (CARD, f"card {CARD} 12/29 123", CARD.replace(" ", "")):
            answered_without(door.fill(field, json.dumps(sent)), CARD, CARD.replace(" ", ""))
        answered_without(door.fill(field, CARD.replace(" ", "")), CARD.replace(" ", ""))
    plain = CARD.replace(" ", "")
    for operation in operations():
        target = door.path(operation)
        body = json.dumps({**door.body(operation), "card": {"number": plain}}).encode() if operation.body else b""
        answered_without(door.ask(operation, body), plain)
        answered_without(door.ask(operation, target=f"{target}?card={plain}"), plain)
        answered_without(
            door.ask(operation, headers=[("User-Agent", f"x {plain}"), ("X-Request-ID", plain)][:1]), plain
        )
        answered_without(send(door.application, operation.method, f"{target}{plain}/"), plain)
    assert stored(plain) == stored(CARD) == []
    assert plain not in written.getvalue()
    assert CARD not in written.getvalue()


def test_pins_codes_and_passwords_go_nowhere(door: Door, written: io.StringIO) -> None:
    secret: dict[str, str] = {"pin": PIN, "old_pin": PIN, "code": CODE, "password": PASSWORD, "new_password": PASSWORD}
    secrets = [PIN, CODE, PASSWORD, TOKEN]
    for operation in operations():
        if operation.body is None:
            continue
        body = door.body(operation) | secret
        answered_without(
            door.ask(operation, json.dumps(body).encode(), headers=[("Idempotency-Key", token_hex(9))]), *secrets
        )
        known = {name: value for name, value in secret.items() if name in operation.body["properties"]}
        for sent in (door.body(operation) | known, known):
            answer = door.ask(operation, json.dumps(sent).encode(), headers=[("Idempotency-Key", token_hex(9))])
            answered_without(answer, *secrets)
        headers = [("Authorization", f"Bearer {TOKEN}"), ("Cookie", f"sessionid={TOKEN}"), ("X-Session-Token", TOKEN)]
        target = door.path(operation)
        answered_without(
            send(door.application, operation.method, target, json.dumps(body).encode(), headers=headers), *secrets
        )
        answered_without(send(door.application, operation.method, f"{target}?pin={PIN}&token={TOKEN}"), *secrets)
    for address in ("login", "2fa/authenticate", "password/reset", "reauthenticate"):
        sent = json.dumps(
            {"email": f"{token_hex(6)}@example.test", "password": PASSWORD, "key": TOKEN, "code": CODE}
        ).encode()
        headers = [("X-Session-Token", TOKEN)]
        asked = b"".join(_raw(door, f"/_allauth/app/v1/auth/{address}", sent, headers))
        assert not [canary for canary in secrets if canary.encode() in asked]
    assert {canary: stored(canary) for canary in (CODE, PASSWORD, TOKEN)} == {CODE: [], PASSWORD: [], TOKEN: []}
    assert digits_stored(PIN) == []
    text = written.getvalue()
    assert not [canary for canary in (f'"{PIN}"', CODE, PASSWORD, TOKEN) if canary in text]
    assert not [path for path in Path(django_settings.EMAIL_BACKEND and django_settings.DATA_DIR).glob("mail/*") if
                PASSWORD in path.read_text()]  # fmt: skip


def digits_stored(pin: str) -> list[str]:
    """Where six digits stand by themselves: within an id or a hash they may stand by chance."""
    with administrator() as server:
        tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        sums = " UNION ALL ".join(rf"SELECT '{name}' FROM {name} t WHERE t::text ~ '\m{pin}\M'" for (name,) in tables)
        return [name for (name,) in server.execute(sums).fetchall()]


def _raw(door: Door, path: str, body: bytes, headers: list[tuple[str, str]]) -> list[bytes]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.10",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": JSON,
    } | {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers}
    return door.application(environ, lambda *_: None)


def test_the_scan_sees_what_is_stored(door: Door, written: io.StringIO) -> None:
    """So that the tests above can fail."""
    field: Field = next(f for f in PLACES if f.operation.path.endswith("cluster_wallet_credit/") and f.name == "source")
    canary = f"visible {token_hex(8)}"
    assert door.fill(field, json.dumps(canary)).status == 201
    assert stored(canary) != []
    logging.getLogger("elsewhere").warning(canary)
    assert canary in written.getvalue()
