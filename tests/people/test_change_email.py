"""Changing one's own e-mail address: nothing changes until the new one is proved."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.test import Client

from clustr.kit import clock
from clustr.people import commands
from clustr.people.models import User
from tests.people.someone import Someone, mail_to, post, sign_in, someone


@pytest.fixture
def wish() -> str:
    return f"new-{uuid4().hex}@example.test"


def ask_to_change(api: Client, person: Someone, wish: str) -> str:
    """Ask for the change; answers the access token."""
    token: str = sign_in(api, person)["access_token"]
    assert post(api, "auth/reauthenticate", {"password": person.password}, token).status_code == 200
    assert post(api, "account/email", {"email": wish}, token).status_code == 200
    return token


def key_for(wish: str) -> str:
    match = re.search(r"/accounts/confirm-email/([^/\s]+)/", str(mail_to(wish).body))
    assert match
    return match[1]


def confirm(api: Client, key: str) -> int:
    status: int = post(api, "auth/email/verify", {"key": key}).status_code
    return status


def test_it_works(api: Client, wish: str) -> None:
    bola = someone()
    ask_to_change(api, bola, wish)
    assert User.objects.get(id=bola.id).email == bola.email
    assert confirm(api, key_for(wish)) == 401  # done; this client is not signed in by session
    assert User.objects.get(id=bola.id).email == wish
    assert sign_in(api, Someone(bola.id, wish))
    assert post(api, "auth/login", {"email": bola.email, "password": bola.password}).status_code == 400
    assert wish in str(mail_to(bola.email).body)


def test_an_address_that_became_somebody_elses_is_refused(api: Client, wish: str) -> None:
    bola = someone()
    ask_to_change(api, bola, wish)
    key = key_for(wish)
    commands.register_people(rows=[(wish, "Chidi", "")], now=clock.now())
    assert confirm(api, key) == 400
    assert User.objects.get(id=bola.id).email == bola.email
    assert User.objects.get(email=wish).name == "Chidi"


def test_somebody_elses_address_is_answered_alike_and_taken_by_nobody(api: Client) -> None:
    bola, chidi = someone(), someone()
    ask_to_change(api, bola, chidi.email)
    assert User.objects.get(id=bola.id).email == bola.email
    assert User.objects.get(id=chidi.id).email == chidi.email


@pytest.mark.parametrize("key", ["", "x", "NQ:1vABC:zzz"])
def test_a_made_up_key_is_refused(api: Client, key: str) -> None:
    assert confirm(api, key) == 400
