"""`POST /members/wallet/reset_pin/`: a code by e-mail, then a new PIN with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from clustr.kit import clock
from tests.cast import ApiClient, Cast, anonymous
from tests.notifications.acts import told_by_mail
from tests.people.someone import mail_to
from tests.web.asking import MY_WALLET, PIN, refused, with_pin

ADDRESS = MY_WALLET + "reset_pin/"
OTHER = "917364"


@pytest.fixture
def bola(cast: Cast) -> ApiClient:
    """Bola, who has a PIN and has just signed in."""
    return with_pin(cast, cast.bola)


@pytest.fixture
def movable(tmp_path: Path) -> Iterator[None]:
    kept = clock._offset_file
    clock.use_offset_file(tmp_path / "clock-offset")
    yield
    clock.use_offset_file(kept)


def code_for(cast: Cast, bola: ApiClient) -> str:
    answer = bola.post(ADDRESS)
    assert answer.status_code == 202, answer.content
    match = re.search(r"^([0-9]{8})$", str(mail_to(cast.bola.email).body), re.MULTILINE)
    assert match
    return match[1]


def works(bola: ApiClient, pin: str) -> bool:
    """Whether this is the PIN now."""
    return bool(bola.post(MY_WALLET + "set_pin/", {"pin": "604713", "old_pin": pin}).status_code == 200)


def test_it_works(cast: Cast, bola: ApiClient) -> None:
    sent = bola.post(ADDRESS)
    assert (sent.status_code, sent.json()) == (202, {"sent": True, "expires_in_seconds": 600})
    message = mail_to(cast.bola.email)
    assert message.subject == "Your code to reset your wallet PIN"
    assert "Hello Bola" in str(message.body)
    code = re.search(r"^[0-9]{8}$", str(message.body), re.MULTILINE)
    assert code
    answer = bola.post(ADDRESS, {"code": code[0], "pin": OTHER})
    assert (answer.status_code, answer.json()["has_pin"]) == (200, True)
    told = [message for message in told_by_mail(cast.cluster_id, clock.now()) if message.to == [cast.bola.email]]
    assert "PIN was reset" in told[-1].subject
    assert not works(bola, PIN)
    assert works(bola, OTHER)


def test_it_lifts_a_lock(cast: Cast, bola: ApiClient) -> None:
    for _ in range(5):
        works(bola, "111111")
    assert not works(bola, PIN)
    bola.post(ADDRESS, {"code": code_for(cast, bola), "pin": OTHER})
    assert works(bola, OTHER)


def test_a_code_works_once(cast: Cast, bola: ApiClient) -> None:
    code = code_for(cast, bola)
    assert bola.post(ADDRESS, {"code": code, "pin": OTHER}).status_code == 200
    refused(bola.post(ADDRESS, {"code": code, "pin": PIN}), 422, "reset_code_invalid")


def test_a_wrong_code_is_refused_and_few_may_be_tried(cast: Cast, bola: ApiClient) -> None:
    code = code_for(cast, bola)
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for _ in range(5):
        refused(bola.post(ADDRESS, {"code": wrong, "pin": OTHER}), 422, "reset_code_invalid")
    refused(bola.post(ADDRESS, {"code": code, "pin": OTHER}), 422, "reset_code_invalid")


def test_a_newer_code_replaces_an_older(cast: Cast, bola: ApiClient) -> None:
    older = code_for(cast, bola)
    newer = code_for(cast, bola)
    refused(bola.post(ADDRESS, {"code": older, "pin": OTHER}), 422, "reset_code_invalid")
    assert bola.post(ADDRESS, {"code": newer, "pin": OTHER}).status_code == 200


def test_a_code_grows_old(cast: Cast, bola: ApiClient, movable: None) -> None:
    code = code_for(cast, bola)
    clock.move(timedelta(minutes=11))
    refused(bola.post(ADDRESS, {"code": code, "pin": OTHER}), 422, "reset_code_invalid")


def test_a_moved_clock_leaves_a_fresh_sign_in_fresh(cast: Cast, movable: None) -> None:
    clock.move(timedelta(days=30))
    bola = with_pin(cast, cast.bola)
    assert bola.post(ADDRESS).status_code == 202


def test_it_needs_a_fresh_sign_in(cast: Cast, bola: ApiClient) -> None:
    code = code_for(cast, bola)
    let_the_sign_in_age(cast, timedelta(minutes=11))
    refused(bola.post(ADDRESS), 403, "fresh_sign_in_required")
    refused(bola.post(ADDRESS, {"code": code, "pin": OTHER}), 403, "fresh_sign_in_required")


def test_there_must_be_a_pin(cast: Cast) -> None:
    refused(cast.client_of(cast.bola).post(ADDRESS), 409, "pin_not_set")


def test_easy_ones_are_refused(cast: Cast, bola: ApiClient) -> None:
    refused(bola.post(ADDRESS, {"code": code_for(cast, bola), "pin": "123456"}), 422, "pin_too_easy")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"code": "12345678"}, "pin"), ({"pin": OTHER}, "code"), ({"code": "1234", "pin": OTHER}, "code"),
     ({"code": 12345678, "pin": OTHER}, "code"), ({"token": "x"}, "token")],
)  # fmt: skip
def test_code_and_pin_come_together(cast: Cast, bola: ApiClient, body: dict[str, Any], field: str) -> None:
    answer = bola.post(ADDRESS, body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {field}


def test_a_code_is_of_its_owner(cast: Cast, bola: ApiClient) -> None:
    code = code_for(cast, bola)
    other = with_pin(cast, cast.residents[1])
    refused(other.post(ADDRESS, {"code": code, "pin": OTHER}), 422, "reset_code_invalid")


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(anonymous().post(ADDRESS), 401, "not_signed_in")


def let_the_sign_in_age(cast: Cast, age: timedelta) -> None:
    for row in Session.objects.all():
        session = SessionStore(row.session_key)
        if session.get(SESSION_KEY) == str(cast.bola.user_id):
            at = (clock.now() - age).timestamp()
            session["account_authentication_methods"] = [{"method": "password", "at": at}]
            session.save()
