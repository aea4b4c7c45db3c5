"""People for tests: each test makes its own, with addresses nobody else has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.core import mail
from django.test import Client

from clustr.kit import clock
from clustr.people import commands
from clustr.people.models import Mail

APP = "/_allauth/app/v1/"
PASSWORD = "correct horse battery"


@dataclass
class Someone:
    id: UUID
    email: str
    password: str = PASSWORD


def someone(*, name: str = "Bola Ade", password: str | None = PASSWORD) -> Someone:
    email = f"bola-{uuid4().hex}@example.test"
    password_hash = make_password(password) if password else None
    ids = commands.register_people(rows=[(email, name, "+2348000000000")], now=clock.now(), password_hash=password_hash)
    return Someone(ids[email], email, password or "")


def an_address() -> str:
    return str(IPv6Address(uuid4().int))


def post(client: Client, path: str, body: dict[str, Any], token: str = "", **headers: str) -> Any:
    if token:
        headers["authorization"] = f"Bearer {token}"
    return client.post(APP + path, body, content_type="application/json", headers=headers)


def sign_in(client: Client, person: Someone) -> dict[str, Any]:
    """The `meta` of a good sign-in: session_token, access_token, refresh_token."""
    response = post(client, "auth/login", {"email": person.email, "password": person.password})
    assert response.status_code == 200, response.content
    meta: dict[str, Any] = response.json()["meta"]
    return meta


def mail_to(address: str) -> mail.EmailMessage:
    """Send what waits for this address; the last of it."""
    for mail_id in Mail.objects.filter(address=address).order_by("id").values_list("id", flat=True):
        commands.deliver_mail(mail_id=mail_id)
    messages: list[mail.EmailMessage] = [message for message in mail.outbox if message.to == [address]]
    assert messages, f"no mail for {address}"
    return messages[-1]


def key_in(message: mail.EmailMessage) -> str:
    """The secret part of the link that sets a password."""
    match = re.search(r"/accounts/password/reset/key/([^/\s]+)/", str(message.body))
    assert match, message.body
    return match[1]
