"""Headers, methods and paths that nobody would send: each is answered by name, none by accident.

An encoded slash is a slash: WSGI hands paths over decoded.
"""

from __future__ import annotations

import json

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import DOCUMENT, Operation, in_turns, operations
from tests.fuzz.wire import send

pytestmark = pytest.mark.early

WRITING = [operation for operation in operations() if "Idempotency-Key" in operation.parameters]
BAD_KEYS = ["", "x" * 256, "x" * 60_000, "a\x00b", "a\tb", "a\x7fb", "a\x1fb", "caf\xe9", "\xff", "a\xa0b"]
PATHS = sorted(DOCUMENT["paths"])
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "BREW", "")


@pytest.mark.parametrize("operation", WRITING, ids=str)
def test_a_key_is_printable_and_not_too_long(door: Door, operation: Operation, unchanged: None) -> None:
    example = door.body(operation) if operation.body is not None else None
    body, kind = (b"", None) if example is None else (json.dumps(example).encode(), "application/json")
    if "text/csv" in operation.described.get("requestBody", {}).get("content", {}):
        body, kind = b"email\nsomebody@example.test\n", "text/csv"
    for key in in_turns(operation, BAD_KEYS):
        answer = door.ask(operation, body, content_type=kind, headers=[("Idempotency-Key", key)])
        assert (answer.status, answer.code) == (422, "invalid_idempotency_key"), (key[:20], answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused_by_name(door: Door, path: str, unchanged: None) -> None:
    known = {method.upper() for method in DOCUMENT["paths"][path]}
    operation = next(operation for operation in operations() if operation.path == path)
    target, headers = door.path(operation), list(door.headers_for(path).items())
    for method in in_turns(path, METHODS):
        if method not in known:
            answer = send(door.application, method, target, headers=headers)
            if method == "HEAD":
                assert answer.status == 405
            else:
                assert (answer.status, answer.code) == (405, "method_not_allowed"), (method, answer.text)
            assert set(answer.headers["allow"].replace(" ", "").split(",")) == known
        nobody = send(door.application, method, target)
        public = method in known and "security" not in DOCUMENT["paths"][path][method.lower()]
        assert nobody.status in ((200, 401) if public else (401, 405)), (method, nobody.text)


@pytest.mark.parametrize("path", PATHS)
def test_an_address_is_itself_alone(door: Door, path: str, unchanged: None) -> None:
    operation = next(operation for operation in operations() if operation.path == path)
    target, headers = door.path(operation), list(door.headers_for(path).items())
    first = target.split("/")[1]
    odd = {
        target.rstrip("/"), target + "/", "/" + target, target.replace("/", "//", 2), target + "%00",
        target + ";a=b/", target + ".json", target.upper(), target + "%0a", target.replace(first, f"./{first}", 1), target + "..",
        target.replace(first, f"x/../{first}", 1), target.replace("/", "/%2e%2e/", 2), target + "%ff", target.replace("/", "\\"),
        target + "%e2%80%8b", target[:-1] + "%20/", target[:-1] + "%09/", f"{target}%F0%9F%8F%A0/",
    }  # fmt: skip
    for sent in in_turns(path, sorted(odd - {target})):
        answer = send(door.application, operation.method, sent, headers=headers)
        # An address of another depth may be another address of ours: then its id is nobody's.
        assert answer.status in (404, 405), (sent, answer.text)


def test_tokens_that_are_none_are_refused(door: Door) -> None:
    token = door.headers_for("/members/")["Authorization"].removeprefix("Bearer ")
    head, payload, tail = token.split(".")
    wrong = ["", "Bearer", "Bearer ", f"bearer{token}", f"Basic {token}", f"Token {token}", token, f"Bearer {token}x", f"Bearer {head}.{payload}.",
             f"Bearer {head}.{payload}", f"Bearer eyJhbGciOiJub25lIn0.{payload}.", f"Bearer {payload}.{payload}.{tail}", f"Bearer {token} {token}",
             f"Bearer {token},Bearer {token}", "Bearer " + "a" * 50_000, "Bearer \x00", "Bearer \xff\xfe", "Bearer null", "Bearer {}", "Bearer ..",
             "Bearer é.é.é", f"Bearer {token[:-4]}AAAA"]  # fmt: skip
    for operation in (operation for operation in operations() if "security" in operation.described):
        for sent in in_turns(operation, wrong):
            answer = send(
                door.application, operation.method, door.path(operation), headers=[("Authorization", sent.encode().decode("latin-1"))]
            )  # fmt: skip
            assert (answer.status, answer.code) == (401, "not_signed_in"), (str(operation), sent[:30], answer.text)


def test_headers_of_proxies_and_browsers_break_nothing(door: Door) -> None:
    operation = next(o for o in operations() if o.path.endswith("/balance/"))
    odd = [
        "",
        "\x00",
        "\xff" * 9,
        "a" * 30_000,
        "'; --",
        "127.0.0.1, ::1",
        "[::1%eth0]",
        "999.1.1.1",
        ",,,",
        "\t",
        "\x1b[0m",
    ]
    names = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-ID", "User-Agent", "Accept", "Accept-Encoding",
             "Accept-Language", "Cookie", "Referer", "Origin", "If-None-Match", "If-Modified-Since", "Range", "Content-Encoding",
             "Transfer-Encoding", "X-HTTP-Method-Override", "X-CSRFToken", "X-Session-Token", "Forwarded", "Via")  # fmt: skip
    for name in names:
        for value in odd:
            assert door.ask(operation, headers=[(name, value)]).status == 200, (name, value)
    for host in ("", "evil.test", "localhost:99999", "a b", "\x00", "localhost,evil.test", "x" * 5_000):
        assert door.ask(operation, headers=[("Host", host)]).status in (200, 400), host
