"""No body that is not exactly one JSON object of UTF-8 gets further than the door."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import Operation, in_turns, one_of, operations

pytestmark = pytest.mark.early

WITH_BODY = [operation for operation in operations() if operation.body is not None]
WRITING = [operation for operation in operations() if operation.method != "GET"]
DEEP = 100_000
MALFORMED: dict[str, bytes] = {
    "a key twice": b'{"a": 1, "a": 1}',
    "a key twice within": b'{"a": [{"b": {"c": 1, "c": 2}}]}',
    "a key twice by an escape": b'{"a": 1, "\\u0061": 1}',
    "NaN": b'{"a": NaN}',
    "-Infinity": b'{"a": -Infinity}',
    "out of range": b'{"a": 1e400}',
    "more digits than a number has": b'{"a": ' + b"9" * 5_000 + b"}",
    "deep": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "never closed": b'{"a": ' * 500,
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "Latin-1": '{"a": "é"}'.encode("latin-1"),
    "trailing garbage": b"{} x",
    "two documents": b"{}{}",
    "a raw NUL": b'{"a": "\x00"}',
    "a raw line break in a text": b'{"a": "\n"}',
    "an escaped NUL": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "half a character": b'{"a": "\\ud800"}',
    "halves in the wrong order": b'{"a": "\\udc00\\ud800"}',
    "half a character in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "beyond Unicode": b'{"a": "\xf5\x80\x80\x80"}',
    "single quotes": b"{'a': 1}",
    "a comment": b"{} // x",
    "a trailing comma": b'{"a": 1,}',
    "only spaces": b"   ",
    "a form": b"a=1&b=2",
    "XML": b"<a/>",
}
TOO_LARGE = b'{"a": "' + b"x" * 9_000_000 + b'"}'
NO_OBJECT = [b"[]", b"[{}]", b'"text"', b"5", b"true", b"0.1"]

UNKNOWN = ("__proto__", "constructor", "cluster_id", "is_admin", "id", "ａmount", "amount ", "AMOUNT", "")
OTHER_KINDS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
               "application/jsonp", "text/json", "json", "", "application/json, text/plain", "\x7f", "é", None)  # fmt: skip


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_what_cannot_be_read_is_malformed(door: Door, operation: Operation, unchanged: None) -> None:
    for name, body in in_turns(operation, MALFORMED.items()):
        answer = door.ask(operation, body)
        assert (answer.status, answer.code) == (400, "malformed"), (name, answer.text)
    for body in in_turns(operation, NO_OBJECT):
        assert door.ask(operation, body).status == 422, body
    for body in (TOO_LARGE for _ in in_turns(operation, range(2))):
        assert door.ask(operation, body).code == "too_large"
    if operation.described["requestBody"].get("required"):
        assert door.ask(operation, b"").status in (400, 422)
        assert door.ask(operation, b"null").status in (400, 422)


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_unknown_fields_are_refused_wherever_they_stand(door: Door, operation: Operation, unchanged: None) -> None:
    shape = operation.body or {}
    known = (one_of(shape["items"]) if shape.get("type") == "array" else shape).get("properties", {})
    for unknown in in_turns(operation, UNKNOWN):
        if unknown in known:
            continue
        answer = door.ask(operation, json.dumps(door.body(operation, {unknown: "x"})).encode())
        assert answer.status == 422, (unknown, answer.text)
        assert "unknown_field" in answer.named.values()


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
def test_only_json_is_json(door: Door, operation: Operation, unchanged: None) -> None:
    body = json.dumps(door.body(operation)).encode()
    for kind in in_turns(operation, OTHER_KINDS):
        answer = door.ask(operation, body, content_type=kind)
        assert (answer.status, answer.code) == (415, "wrong_content_type"), (kind, answer.text)
    for charset in in_turns(operation, ("utf-16", "latin-1", "cp037", "nonsense")):
        answer = door.ask(operation, '{"a": "é"}'.encode("utf-16"), content_type=f"application/json; charset={charset}")
        assert (answer.status, answer.code) == (400, "malformed"), charset


def test_a_length_that_lies_breaks_nothing(door: Door) -> None:
    for operation in WRITING:
        assert door.ask(operation, b"").status < 500
