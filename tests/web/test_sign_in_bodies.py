"""Sign-in's own addresses read bodies with allauth's parser: none of them may break, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.cast import Cast
from tests.people.someone import an_address, someone
from tests.web.test_door_errors import is_problem

LOGIN = "/_allauth/app/v1/auth/login"
UNREADABLE = {
    "deep": b"[" * 100_000,
    "deep in a field": b'{"email":' + b"[" * 900 + b"]" * 900 + b"}",
    "long number": b'{"email": ' + b"9" * 5_000 + b"}",
    "NUL": b'{"email": "a\\u0000@x.test", "password": "\\u0000"}',
    "half a character": b'{"email": "\\ud800@x.test"}',
    "not UTF-8": b'{"email": "\xff\xfe"}',
    "a raw NUL": b'{"email": "\x00"}',
    "not JSON": b"{",
    "no object": b"[1]",
    "null": b"null",
    "an object for a text": b'{"email": {"a": "b"}}',
    "a key twice": b'{"email": "a", "email": "b"}',
    "not a number": b'{"email": NaN}',
}
FIELDS = ("email", "password", "key", "code", "phone", "new_password", "current_password", "refresh_token", "sessions",
          "username", "primary", "authenticators", "id", "name")  # fmt: skip
ODD = ['["a"]', "[]", "-7", "null", "true", '"' + "x" * 15_000 + '"', r'"\uffff"', "9" * 4_000]


def addresses() -> list[str]:
    def below(patterns: list[Any], before: str) -> list[str]:
        found: list[str] = []
        for pattern in patterns:
            here = f"{before}{pattern.pattern}"
            if isinstance(pattern, URLResolver):
                found += below(pattern.url_patterns, here)
            elif isinstance(pattern, URLPattern) and here.startswith("/_allauth/"):
                found.append(here)
        return found

    return below(get_resolver().url_patterns, "/")


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    for address in addresses():
        is_problem(send(address, body), 400, "malformed")


def test_what_is_too_long_is_too_large() -> None:
    is_problem(send(LOGIN, b'{"email": "' + b"x" * 300_000 + b'"}'), 413, "too_large")


def everywhere(value: str) -> bytes:
    """An object in which every field that sign-in knows has this value."""
    return ("{" + ", ".join(f'"{name}": {value}' for name in FIELDS) + "}").encode()


def send(address: str, body: bytes, method: str = "post", **headers: str) -> Any:
    asking = Client(REMOTE_ADDR=an_address(), raise_request_exception=False)
    return asking.generic(method.upper(), address, body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_no_body_and_no_odd_value_breaks_an_address(cast: Cast, method: str) -> None:
    token = cast.client_of(cast.bola).headers["Authorization"]
    broken = []
    for address in addresses():
        for headers in ({}, {"Authorization": token}):
            for odd in [None, *ODD]:
                answer = send(address, b"" if odd is None else everywhere(odd), method, **headers)
                if answer.status_code >= 500:
                    broken.append((address, odd and odd[:20], answer.content))
                if answer.status_code == 405:
                    break  # whatever it were sent, nothing would read it
    assert broken == []


def test_a_sign_in_still_works(cast: Cast) -> None:
    bola = someone()
    body = f'{{"email": "{bola.email}", "password": "{bola.password}"}}'.encode()
    assert send(LOGIN, body).status_code == 200
