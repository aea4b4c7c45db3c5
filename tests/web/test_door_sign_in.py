"""Who may come in: a good token, or a session with its CSRF token; and which cluster they mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from allauth.headless.tokens.strategies.jwt.internal import create_token, session_key_to_sid
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.people.models import User
from tests.cast import ApiClient, Cast, Person, anonymous
from tests.web.test_door_errors import is_problem

NOTE = {"title": "Bins"}


def browser_of(person: Person) -> Client:
    """A browser in which this person is signed in; CSRF is checked, as in life."""
    user, session = User.objects.get(id=person.user_id), SessionStore()
    session[SESSION_KEY] = str(user.id)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""
    return browser


def send(client: Client, address: str, **headers: str) -> Any:
    return client.post(address, NOTE, content_type="application/json", headers=headers)


def test_a_token_works(trying: str, cast: Cast) -> None:
    assert cast.client_of(cast.bola).post(f"{trying}notes/", NOTE).status_code == 201


def test_nobody_is_nobody(trying: str) -> None:
    for refused in (anonymous().get(f"{trying}list/"), anonymous().post(f"{trying}notes/", NOTE)):
        is_problem(refused, 401, "not_signed_in")
        assert refused["WWW-Authenticate"].startswith("Bearer")


def test_sign_in_is_asked_for_before_anything_else(trying: str) -> None:
    is_problem(anonymous().post(f"{trying}notes/", b"{"), 401, "not_signed_in")
    is_problem(anonymous().get(f"{trying}notes/x/"), 401, "not_signed_in")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 9000, "null"])
def test_an_unknown_token(trying: str, token: str) -> None:
    is_problem(ApiClient(token or " ").post(f"{trying}notes/", NOTE), 401, "not_signed_in")


def test_another_scheme(trying: str) -> None:
    is_problem(anonymous().get(f"{trying}list/", Authorization="Basic YTpi"), 401, "not_signed_in")


def test_a_forged_token(trying: str, cast: Cast) -> None:
    claims = {"sub": str(cast.bola.user_id), "aud": "clustr-api", "exp": 4_000_000_000, "token_use": "access"}
    for forged in (
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "another-secret-of-thirty-two-bytes!!", algorithm="HS256"),
    ):
        is_problem(ApiClient(forged).get(f"{trying}list/"), 401, "not_signed_in")


def test_an_expired_token(trying: str, cast: Cast) -> None:
    token, _ = create_token(
        "access", sub=str(cast.bola.user_id), sid=session_key_to_sid("x"), claims={}, expires_in=-10
    )
    is_problem(ApiClient(token).get(f"{trying}list/"), 401, "not_signed_in")


def test_a_wrong_token_is_not_mended_by_a_cookie(trying: str, cast: Cast) -> None:
    browser = browser_of(cast.ada)
    assert browser.get(f"{trying}list/").status_code == 200
    is_problem(browser.get(f"{trying}list/", headers={"Authorization": "Bearer x"}), 401, "not_signed_in")


def test_a_browser_needs_its_csrf_token_to_change_something(trying: str, cast: Cast) -> None:
    browser, address = browser_of(cast.bola), f"{trying}notes/"
    is_problem(send(browser, address), 403, "csrf_failed")
    browser.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    is_problem(send(browser, address, **{"X-CSRFToken": "b" * 32}), 403, "csrf_failed")
    assert send(browser, address, **{"X-CSRFToken": "a" * 32}).status_code == 201


def test_a_browser_reads_without(trying: str, cast: Cast) -> None:
    assert browser_of(cast.ada).get(f"{trying}list/").status_code == 200


def test_an_ended_session_is_nobody(trying: str, cast: Cast) -> None:
    browser = browser_of(cast.bola)
    SessionStore(browser.cookies[settings.SESSION_COOKIE_NAME].value).delete()
    is_problem(browser.get(f"{trying}list/"), 401, "not_signed_in")


def test_a_closed_account_is_nobody(trying: str, cast: Cast) -> None:
    client, browser = cast.client_of(cast.bola), browser_of(cast.bola)
    User.objects.filter(id=cast.bola.user_id).update(is_active=False)
    is_problem(client.get(f"{trying}list/"), 401, "not_signed_in")
    is_problem(browser.get(f"{trying}list/"), 401, "not_signed_in")


def test_the_only_cluster_is_implied_and_may_be_named(trying: str, cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    assert ada.get(f"{trying}list/").status_code == 200
    assert ada.get(f"{trying}list/", X_Cluster_ID=str(cast.cluster_id)).status_code == 200


def test_another_estate_is_not_there(trying: str, cast: Cast) -> None:
    for cluster_id in (cast.lekki.id, uuid4()):
        refused = cast.client_of(cast.ada).get(f"{trying}list/", X_Cluster_ID=str(cluster_id))
        is_problem(refused, 404, "cluster_not_found")


@pytest.mark.parametrize("named", ["", "x", "palm-grove", "00000000"])
def test_a_cluster_is_named_by_its_id(trying: str, cast: Cast, named: str) -> None:
    is_problem(cast.client_of(cast.ada).get(f"{trying}list/", X_Cluster_ID=named), 400, "cluster_malformed")


def test_with_several_clusters_one_has_to_be_named(trying: str, cast: Cast) -> None:
    joined_at = cast.now - timedelta(days=1)
    enrol_members(
        cluster_id=cast.lekki.id, members=[NewMember(cast.ada.user_id, Role.ADMIN, joined_at, (), "")], now=cast.now
    )
    ada = cast.client_of(cast.ada)
    is_problem(ada.get(f"{trying}list/"), 400, "cluster_required")
    assert ada.get(f"{trying}list/", X_Cluster_ID=str(cast.lekki.id)).status_code == 200


def test_a_lost_role_counts_at_once(trying: str, cast: Cast) -> None:
    is_problem(cast.client_of(cast.bola).get(f"{trying}list/"), 403, "permission_missing")
