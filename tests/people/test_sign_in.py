"""Signing in by e-mail and password, as API clients do, and what the door makes of the token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clustr.kit import clock
from clustr.people import commands, queries
from clustr.people.models import User
from tests.people.someone import APP, Someone, post, sign_in, someone


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def signed(payload: dict[str, Any], *, key: str | None = None, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, settings.HEADLESS_JWT_PRIVATE_KEY if key is None else key, algorithm=algorithm)


def test_it_works(api: Client) -> None:
    bola = someone()
    response = post(api, "auth/login", {"email": bola.email, "password": bola.password})
    assert response.status_code == 200
    assert response.json()["data"]["user"] == {
        "id": str(bola.id),
        "display": "Bola Ade",
        "email": bola.email,
        "has_usable_password": True,
    }
    token = response.json()["meta"]["access_token"]
    life = claims(token)["exp"] - claims(token)["iat"]
    assert life == settings.ENV.ACCESS_TOKEN_SECONDS

    behind = queries.signed_in_by_token(token=token)
    assert behind is not None
    assert behind.user_id == bola.id
    assert not behind.is_platform_staff
    assert behind.at is not None
    assert abs(behind.at - clock.now()) < timedelta(minutes=1)


def test_the_address_is_compared_without_case(api: Client) -> None:
    bola = someone()
    assert sign_in(api, Someone(bola.id, bola.email.upper()))["access_token"]


def test_the_door_asks_the_database_once(api: Client) -> None:
    token = sign_in(api, someone())["access_token"]
    with CaptureQueriesContext(connection) as captured:
        assert queries.signed_in_by_token(token=token)
    assert len(captured) == 1


def test_a_person_costs_one_row_until_they_sign_in(api: Client) -> None:
    bola = someone()
    assert not EmailAddress.objects.filter(user_id=bola.id).exists()
    sign_in(api, bola)
    address = EmailAddress.objects.get(user_id=bola.id)
    assert (address.email, address.verified, address.primary) == (bola.email, True, True)


def test_a_browser_signs_in_with_its_session() -> None:
    bola, browser = someone(), Client()
    response = browser.post(
        "/_allauth/browser/v1/auth/login",
        {"email": bola.email, "password": bola.password},
        content_type="application/json",
    )
    assert response.status_code == 200
    assert "access_token" not in response.json()["meta"]
    request = browser.get("/accounts/login/").wsgi_request  # leads on, and shows no page
    behind = queries.signed_in_by_session(user=request.user, session=request.session)
    assert behind is not None
    assert behind.user_id == bola.id


def test_the_headed_page_signs_in_too() -> None:
    bola, browser = someone(), Client()
    response = browser.post("/accounts/login/", {"login": bola.email, "password": bola.password})
    assert response.status_code == 302


def test_a_wrong_password_is_refused(api: Client) -> None:
    bola = someone()
    response = post(api, "auth/login", {"email": bola.email, "password": "not this one"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "email_password_mismatch"


def test_an_unknown_address_is_refused_in_the_same_words(api: Client) -> None:
    known = post(api, "auth/login", {"email": someone().email, "password": "not this one"})
    unknown = post(api, "auth/login", {"email": f"{uuid4()}@example.test", "password": "not this one"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())


def test_somebody_without_a_password_is_refused(api: Client) -> None:
    bola = someone(password=None)
    for password in ("", "!", User.objects.get(id=bola.id).password):
        assert post(api, "auth/login", {"email": bola.email, "password": password}).status_code == 400


def test_an_inactive_person_is_refused(api: Client) -> None:
    bola = someone()
    token = sign_in(api, bola)["access_token"]
    User.objects.filter(id=bola.id).update(is_active=False)
    assert queries.signed_in_by_token(token=token) is None
    response = post(api, "auth/login", {"email": bola.email, "password": bola.password})
    assert response.status_code == 401
    assert "access_token" not in response.json()["meta"]


def test_an_erased_person_is_refused(api: Client) -> None:
    bola = someone()
    token = sign_in(api, bola)["access_token"]
    commands.erase_person(user_id=bola.id, reason="asked", by=None, now=clock.now())
    assert queries.signed_in_by_token(token=token) is None
    assert post(api, "auth/login", {"email": bola.email, "password": bola.password}).status_code == 400


def test_nobody_signs_themselves_up(api: Client) -> None:
    email = f"{uuid4()}@example.test"
    assert post(api, "auth/signup", {"email": email, "password": "correct horse battery"}).status_code == 403
    assert not User.objects.filter(email=email).exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": 1, "password": []},
        {"email": "a\u0000b@example.test", "password": "x"},
        {"email": "no", "password": "x"},
    ],
)
def test_malformed_input_is_refused(api: Client, body: dict[str, Any]) -> None:
    assert post(api, "auth/login", body).status_code == 400


# --- how long a token is good ------------------------------------------------------------------------------------------


def test_signing_out_counts_at_once(api: Client) -> None:
    meta = sign_in(api, someone())
    assert queries.signed_in_by_token(token=meta["access_token"])
    api.delete(APP + "auth/session", headers={"x-session-token": meta["session_token"]})
    assert queries.signed_in_by_token(token=meta["access_token"]) is None
    assert post(api, "tokens/refresh", {"refresh_token": meta["refresh_token"]}).status_code == 400


def test_changing_the_password_signs_every_device_out(api: Client) -> None:
    bola = someone()
    here, elsewhere = sign_in(api, bola), sign_in(api, bola)
    response = post(
        api,
        "account/password/change",
        {"current_password": bola.password, "new_password": "another long password"},
        token=here["access_token"],
    )
    assert response.status_code == 200, response.content
    for meta in (here, elsewhere):
        assert queries.signed_in_by_token(token=meta["access_token"]) is None
        assert post(api, "tokens/refresh", {"refresh_token": meta["refresh_token"]}).status_code == 400


def test_ending_another_device_counts_at_once(api: Client) -> None:
    bola = someone()
    here, lost = sign_in(api, bola), sign_in(api, bola)
    bearer = {"authorization": f"Bearer {here['access_token']}"}
    listed = api.get(APP + "auth/sessions", headers=bearer).json()["data"]
    (other,) = [device["id"] for device in listed if not device["is_current"]]
    api.delete(APP + "auth/sessions", {"sessions": [other]}, content_type="application/json", headers=bearer)
    assert queries.signed_in_by_token(token=lost["access_token"]) is None
    assert queries.signed_in_by_token(token=here["access_token"])


def test_a_session_that_has_run_out_is_refused(api: Client) -> None:
    meta = sign_in(api, someone())
    Session.objects.filter(session_key=meta["session_token"]).update(expire_date=clock.now() - timedelta(seconds=1))
    assert queries.signed_in_by_token(token=meta["access_token"]) is None


def test_a_refresh_token_works_once(api: Client) -> None:
    meta = sign_in(api, someone())
    response = post(api, "tokens/refresh", {"refresh_token": meta["refresh_token"]})
    assert response.status_code == 200
    fresh = response.json()["data"]
    assert queries.signed_in_by_token(token=fresh["access_token"])
    assert post(api, "tokens/refresh", {"refresh_token": meta["refresh_token"]}).status_code == 400
    assert post(api, "tokens/refresh", {"refresh_token": fresh["refresh_token"]}).status_code == 200


def test_tokens_that_are_not_ours_are_refused(api: Client) -> None:
    meta = sign_in(api, someone())
    good = claims(meta["access_token"])
    assert queries.signed_in_by_token(token=signed(good)), "the forgeries below must differ in one thing only"
    unsigned = jwt.encode(good, "", algorithm="none")
    forgeries = {
        "alg none": unsigned,
        "signature stripped": meta["access_token"].rsplit(".", 1)[0] + ".",
        "another key": signed(good, key="x" * 64),
        "the secret key itself": signed(good, key=settings.SECRET_KEY),
        "another algorithm": signed(good, algorithm="HS512"),
        "another audience": signed({**good, "aud": "elsewhere"}),
        "no audience": signed({name: value for name, value in good.items() if name != "aud"}),
        "another issuer": signed({**good, "iss": "https://elsewhere.test"}),
        "expired": signed({**good, "exp": good["iat"] - 1}),
        "without expiry": signed({name: value for name, value in good.items() if name != "exp"}),
        "somebody else": signed({**good, "sub": str(someone().id)}),
        "not an id": signed({**good, "sub": "ada"}),
        "another session": signed({**good, "sid": "AAAA"}),
        "session not text": signed({**good, "sid": 7}),
        "refresh token": meta["refresh_token"],
        "session token": meta["session_token"],
        "nothing": "",
        "noise": "a.b.c",
    }
    for what, token in forgeries.items():
        assert queries.signed_in_by_token(token=token) is None, what


def test_a_token_for_another_audience_does_not_open_the_account_either(api: Client) -> None:
    good = claims(sign_in(api, someone())["access_token"])
    bearer = {"authorization": f"Bearer {signed({**good, 'aud': 'elsewhere'})}"}
    assert api.get(APP + "auth/session", headers=bearer).status_code == 401
