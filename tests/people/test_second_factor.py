"""Two-step sign-in: an authenticator app, and recovery codes that open once."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from clustr.people import queries
from tests.people.someone import APP, Someone, post, sign_in, someone


def code_now(secret: str, *, periods: int = 0) -> str:
    if time.time() % 30 > 28:
        time.sleep(2)  # the next code is about to take over
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))


def enrol(client: Client, person: Someone) -> tuple[str, list[str]]:
    """Switch the second factor on; answers its secret and the recovery codes."""
    meta = sign_in(client, person)
    bearer = {"authorization": f"Bearer {meta['access_token']}"}
    missing = client.get(APP + "account/authenticators/totp", headers=bearer)
    assert missing.status_code == 404
    secret: str = missing.json()["meta"]["secret"]
    post(client, "auth/reauthenticate", {"password": person.password}, meta["access_token"])
    done = post(client, "account/authenticators/totp", {"code": code_now(secret)}, meta["access_token"])
    assert done.status_code == 200, done.content
    codes = client.get(APP + "account/authenticators/recovery-codes", headers=bearer)
    assert codes.status_code == 200, codes.content
    cache.clear()  # so that the same half minute's code may be used for signing in
    return secret, codes.json()["data"]["unused_codes"]


def first_step(client: Client, person: Someone) -> str:
    response = post(client, "auth/login", {"email": person.email, "password": person.password})
    assert response.status_code == 401
    body = response.json()
    assert "access_token" not in body["meta"]
    (pending,) = [flow for flow in body["data"]["flows"] if flow.get("is_pending")]
    assert pending["id"] == "mfa_authenticate"
    token: str = body["meta"]["session_token"]
    return token


def second_step(client: Client, session_token: str, code: str) -> Any:
    return post(client, "auth/2fa/authenticate", {"code": code}, **{"x-session-token": session_token})


def test_it_works(api: Client) -> None:
    bola = someone()
    secret, _ = enrol(api, bola)
    response = second_step(api, first_step(api, bola), code_now(secret))
    assert response.status_code == 200, response.content
    signed_in = queries.signed_in_by_token(token=response.json()["meta"]["access_token"])
    assert signed_in is not None
    assert signed_in.user_id == bola.id


def test_a_code_works_once(api: Client) -> None:
    bola = someone()
    secret, _ = enrol(api, bola)
    code = code_now(secret)
    assert second_step(api, first_step(api, bola), code).status_code == 200
    assert second_step(api, first_step(api, bola), code).status_code == 400


def test_a_recovery_code_works_once(api: Client) -> None:
    bola = someone()
    _, codes = enrol(api, bola)
    assert second_step(api, first_step(api, bola), codes[0]).status_code == 200
    assert second_step(api, first_step(api, bola), codes[0]).status_code == 400
    assert second_step(api, first_step(api, bola), codes[1]).status_code == 200


def test_a_wrong_code_is_refused_and_guessing_is_slow(api: Client) -> None:
    bola = someone()
    secret, _ = enrol(api, bola)
    session = first_step(api, bola)
    wrong = code_now(secret, periods=-1000)
    statuses = [second_step(api, session, wrong).status_code for _ in range(5)]
    assert statuses == [400] * 5
    refused = second_step(api, first_step(api, bola), code_now(secret))
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 300


def test_the_half_signed_in_session_opens_nothing(api: Client) -> None:
    bola = someone()
    enrol(api, bola)
    session = first_step(api, bola)
    assert api.get(APP + "account/authenticators", headers={"x-session-token": session}).status_code == 401
    assert queries.signed_in_by_token(token=session) is None


def test_secrets_are_encrypted_where_they_lie(api: Client) -> None:
    bola = someone()
    secret, codes = enrol(api, bola)
    kept = str(list(Authenticator.objects.filter(user_id=bola.id).values_list("data", flat=True)))
    assert secret not in kept
    assert not any(code in kept for code in codes)


@pytest.mark.parametrize("path", ["account/authenticators/totp", "account/email"])
def test_sensitive_acts_ask_for_the_password_again(api: Client, path: str) -> None:
    bola = someone()
    token = sign_in(api, bola)["access_token"]
    secret = api.get(APP + "account/authenticators/totp", headers={"authorization": f"Bearer {token}"})
    body = {"code": code_now(secret.json()["meta"]["secret"]), "email": f"new-{bola.email}"}
    refused = post(api, path, body, token)
    assert refused.status_code == 401
    assert refused.json()["data"]["flows"] == [{"id": "reauthenticate"}]
    assert post(api, "auth/reauthenticate", {"password": "not this one"}, token).status_code == 400
    assert post(api, "auth/reauthenticate", {"password": bola.password}, token).status_code == 200
    cache.clear()
    assert post(api, path, body, token).status_code == 200
