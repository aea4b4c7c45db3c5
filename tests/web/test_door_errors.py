"""Every error is a problem with a stable code; nothing a caller sends is a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast, anonymous

PROBLEM = "application/problem+json"


def is_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = json.loads(response.content)
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:clustr:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response["X-Request-ID"]
    return body


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid", 422),
        ("not_allowed", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("declined", 402),
        ("locked", 423),
        ("too_many_requests", 429),
        ("unavailable", 503),
        ("busy", 503),
    ],
)
def test_each_kind_of_refusal_has_its_status(trying: str, cast: Cast, code: str, status: int) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/refused/", {"title": code})
    is_problem(refused, status, code)
    assert ("Retry-After" in refused) == (status in (429, 503))


def test_retry_after_is_what_the_refusal_says(trying: str, cast: Cast) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/refused/", {"title": "locked", "urgent": True})
    assert refused["Retry-After"] == "7"


def test_invalid_values_are_named_with_their_place(trying: str, cast: Cast) -> None:
    body = {"title": " ", "amount": 5, "parts": [{"title": "a"}, {"title": "b", "amount": "1e3", "colour": "red"}]}
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", body)
    found = {(e["field"], e["code"]) for e in is_problem(refused, 422, "invalid")["errors"]}
    assert found == {
        ("title", "too_short"),
        ("amount", "not_a_string"),
        ("parts.1.amount", "invalid_amount"),
        ("parts.1.colour", "unknown_field"),
    }


def test_an_invalid_value_is_never_repeated(trying: str, cast: Cast) -> None:
    body = {"title": "x", "pin": "48392x", "amount": "4711canary", "at": "canary", "user_id": "canary"}
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", body)
    assert len(is_problem(refused, 422, "invalid")["errors"]) == 4
    assert b"48392x" not in refused.content
    assert b"canary" not in refused.content


@pytest.mark.parametrize("value", ["5", "5000.00", "0.01", "5.5", "9999999999999.99"])
def test_good_amounts(trying: str, cast: Cast, value: str) -> None:
    assert cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x", "amount": value}).status_code == 201


@pytest.mark.parametrize(
    "value",
    [5, 5.0, True, "", "-5", "+5", "1e3", "0", "0.00", "0.001", "05", ".5", "5.", " 5", "5,000", "NaN", "Infinity",
     "٥", "1000000000000000", "10000000000000.00", None.__class__, [], {}],
)  # fmt: skip
def test_bad_amounts(trying: str, cast: Cast, value: Any) -> None:
    value = "null " if value is type(None) else value
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x", "amount": value})
    (error,) = is_problem(refused, 422, "invalid")["errors"]
    assert error["field"] == "amount"


def test_an_amount_with_more_decimals_than_its_currency(trying: str, cast: Cast) -> None:
    body = {"title": "x", "amount": "5.50", "currency": "UGX"}
    (error,) = is_problem(cast.client_of(cast.bola).post(f"{trying}notes/", body), 422, "invalid_amount")["errors"]
    assert error["field"] == "amount"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2027-01-31T22:59:59Z", "2027-01-31T22:59:59Z"),
        ("2027-01-31T23:59:59+01:00", "2027-01-31T22:59:59Z"),
        ("2027-01-31t22:59:59.5z", "2027-01-31T22:59:59.500000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_good_instants(trying: str, cast: Cast, sent: str, shown: str) -> None:
    made = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x", "at": sent})
    assert (made.status_code, made.json()["at"]) == (201, shown)


@pytest.mark.parametrize(
    "value",
    ["2027-01-31T22:59:59", "2027-01-31", "2027-13-01T00:00:00Z", "2027-02-30T00:00:00Z", "9999-12-31T23:59:59-23:00",
     "0001-01-01T00:00:00+23:00", "2201-01-01T00:00:00Z", "1969-12-31T23:59:59Z", 1800000000, "tomorrow", "",
     "2027-01-31T24:00:01Z", "2027-01-31T22:59:60Z", "2027-01-31T22:59:59+99:99"],
)  # fmt: skip
def test_bad_instants(trying: str, cast: Cast, value: Any) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x", "at": value})
    (error,) = is_problem(refused, 422, "invalid")["errors"]
    assert error["field"] == "at"


@pytest.mark.parametrize("title", ["", "   ", "\t", "x" * 21, "a\nb", "a\x7fb", 5, None, ["x"]])
def test_bad_texts(trying: str, cast: Cast, title: Any) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": title})
    (error,) = is_problem(refused, 422, "invalid")["errors"]
    assert error["field"] == "title"


def test_texts_are_trimmed_and_may_have_lines_where_lines_are_meant(trying: str, cast: Cast) -> None:
    made = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "  Ìjà  ", "description": "a\nb"})
    assert (made.status_code, made.json()["title"]) == (201, "Ìjà")


def test_true_is_true_and_nothing_else(trying: str, cast: Cast) -> None:
    for value in (1, "true", "yes", None):
        refused = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x", "urgent": value})
        assert is_problem(refused, 422, "invalid")["errors"][0]["field"] == "urgent"


@pytest.mark.parametrize(
    "raw",
    [b"{", b"nope", b'{"title": "a", "title": "b"}', b'{"title": NaN}', b'{"title": Infinity}', b'{"title": 1e400}',
     b'{"title": "\xff"}', b'{"title": "\x00"}', b'{"title": "\\u0000"}', b'{"title": "\\ud800"}', b"\xef\xbb\xbf{}",
     b'{"title":"x"} x', b"[" * 100_000, b'{"a":' * 50_000, b'{"title": ' + b"9" * 5000 + b"}",
     '{"title": "x"}'.encode("utf-16")],
)  # fmt: skip
def test_malformed_bodies(trying: str, cast: Cast, raw: bytes) -> None:
    is_problem(cast.client_of(cast.bola).post(f"{trying}notes/", raw), 400, "malformed")


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'"x"', b"5", b"{}"])
def test_bodies_that_are_something_else(trying: str, cast: Cast, raw: bytes) -> None:
    is_problem(cast.client_of(cast.bola).post(f"{trying}notes/", raw), 422, "invalid")


def test_a_body_that_is_too_large(trying: str, cast: Cast) -> None:
    raw = b'{"title": "' + b"x" * (9 * 1024 * 1024) + b'"}'
    is_problem(cast.client_of(cast.bola).post(f"{trying}notes/", raw), 413, "too_large")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "x"])
def test_a_body_of_another_type(trying: str, cast: Cast, kind: str) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", '{"title": "x"}', Content_Type=kind)
    is_problem(refused, 415, "wrong_content_type")


def test_a_charset_may_be_named(trying: str, cast: Cast) -> None:
    made = cast.client_of(cast.bola).post(
        f"{trying}notes/", '{"title": "x"}', Content_Type="application/json; charset=utf-8"
    )
    assert made.status_code == 201


def test_another_method(trying: str, cast: Cast) -> None:
    refused = cast.client_of(cast.bola).get(f"{trying}notes/")
    is_problem(refused, 405, "method_not_allowed")
    assert refused["Allow"] == "POST"


@pytest.mark.parametrize(
    "address", ["/management/", "/members/nothing/", "/payments/x", "/api/x", "/members/trying/notes", "/members/%00/"]
)
def test_an_unknown_address(trying: str, cast: Cast, address: str) -> None:
    is_problem(cast.client_of(cast.bola).get(address), 404, "no_such_address")


@pytest.mark.parametrize("note", ["x", "1", "00000000-0000-0000-0000-00000000000g", "%00", "%F0%9F%92%A9"])
def test_an_id_that_is_none(trying: str, cast: Cast, note: str) -> None:
    is_problem(cast.client_of(cast.bola).get(f"{trying}notes/{note}/"), 404, "not_found")


def test_an_unknown_parameter(trying: str, cast: Cast) -> None:
    refused = cast.client_of(cast.bola).get(f"{trying}list/", {"acton": "x"})
    (error,) = is_problem(refused, 422, "invalid_value")["errors"]
    assert (error["field"], error["code"]) == ("acton", "unknown_field")


@pytest.mark.parametrize("query", ["action=%00", "action=%ff%fe", "action=", "limit=0", "limit=201", "limit=x"])
def test_odd_parameters(trying: str, cast: Cast, query: str) -> None:
    response = cast.client_of(cast.bola).get(f"{trying}list/?{query}")
    assert response.status_code in (403, 422)


def test_a_bug_is_a_problem_without_a_trace(trying: str, cast: Cast) -> None:
    broken = cast.client_of(cast.bola).get(f"{trying}break/", {"how": "bug"})
    is_problem(broken, 500, "internal_error")
    assert b"canary" not in broken.content
    assert b"KeyError" not in broken.content


def test_a_bug_outside_the_api_is_one_too(trying: str) -> None:
    client = Client(raise_request_exception=False)
    is_problem(client.get("/members/broken-page/"), 500, "internal_error")


def test_a_read_cannot_write(trying: str, cast: Cast) -> None:
    is_problem(cast.client_of(cast.ada).get(f"{trying}break/", {"how": "write"}), 500, "internal_error")


def test_a_value_the_database_refuses_is_the_callers(trying: str, cast: Cast) -> None:
    is_problem(cast.client_of(cast.ada).get(f"{trying}break/", {"how": "data"}), 422, "invalid")


def test_a_statement_that_takes_too_long_says_so(trying: str, cast: Cast) -> None:
    slow = cast.client_of(cast.ada).get(f"{trying}break/", {"how": "slow"})
    is_problem(slow, 503, "took_too_long")
    assert slow["Retry-After"] == "1"


def test_a_process_that_stood_still_too_long_is_no_bug(trying: str, cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    is_problem(ada.get(f"{trying}break/", {"how": "idle"}), 503, "database_unavailable")
    assert ada.get("/management/payments/settings/").status_code == 200


def test_a_foreign_host_is_refused(trying: str) -> None:
    is_problem(Client(headers={"host": "evil.example"}).get("/members/nothing/"), 400, "malformed")


def test_answers_are_not_stored_and_not_sniffed(trying: str, cast: Cast) -> None:
    answer = cast.client_of(cast.bola).post(f"{trying}notes/", {"title": "x"})
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_a_request_id_is_taken_over_if_it_is_one(trying: str) -> None:
    assert anonymous().get("/healthz", X_Request_ID="abc-123-def")["X-Request-ID"] == "abc-123-def"
    for odd in ("short", "x" * 65, 'a"b c d e f g', "ééééééééé"):
        made = anonymous().get("/healthz", X_Request_ID=odd)["X-Request-ID"]
        assert made != odd
        assert len(made) == 24
