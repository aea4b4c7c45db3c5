"""Tokens that open nothing, each wrong in one way, made from a good one."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
from allauth.headless.tokens.strategies.jwt.internal import session_key_from_sid
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from clustr.people.models import User
from tests.cast import Person, client_of

LATER = 4_000_000_000


def bad_tokens(person: Person) -> dict[str, str]:
    """Whole `Authorization` headers by what is wrong with them."""
    good = token_of(person)
    claims = jwt.decode(good, options={"verify_signature": False}) | {"exp": LATER}
    head, body, signature = good.split(".")
    key = settings.HEADLESS_JWT_PRIVATE_KEY
    made = {
        "expired": _signed(claims | {"exp": claims["iat"] - 10}, key),
        "forged": _signed(claims, "another-secret-of-thirty-two-bytes!!"),
        "alg=none": jwt.encode(claims, "", algorithm="none"),
        "alg=none, signed as before": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{body}.{signature}",
        "of another person": f"{head}.{_part(claims | {'sub': str(person.membership_id)})}.{signature}",
        "for another audience": _signed(claims | {"aud": "elsewhere"}, key),
        "by another issuer": _signed(claims | {"iss": "https://elsewhere.test"}, key),
        "not for access": _signed(claims | {"token_use": "refresh"}, key),
        "without expiry": _signed({name: value for name, value in claims.items() if name != "exp"}, key),
        "signed out": _signed_out(person),
        "another's session": _signed(claims | {"sub": str(_another(person))}, key),
    }
    return {name: f"Bearer {token}" for name, token in made.items()} | {"another scheme": f"Basic {good}"}


def token_of(person: Person) -> str:
    return str(client_of(person).headers["Authorization"].split(" ")[1])


def _another(person: Person) -> Any:
    """Somebody else who exists and is active."""
    return User.objects.filter(is_active=True).exclude(id=person.user_id).values_list("id", flat=True)[0]


def _signed_out(person: Person) -> str:
    token = token_of(person)
    claims = jwt.decode(token, options={"verify_signature": False})
    SessionStore(session_key_from_sid(claims["sid"])).delete()
    return token


def _signed(claims: dict[str, Any], key: str) -> str:
    return jwt.encode(claims, key, algorithm="HS256")


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
