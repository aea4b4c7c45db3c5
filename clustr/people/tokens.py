"""Proofs: access tokens of API clients, links in mail, and the encryption of second-factor secrets."""

from __future__ import annotations

import base64
from typing import Any

import jwt
from allauth.headless.tokens.strategies.jwt import JWTTokenStrategy
from allauth.headless.tokens.strategies.jwt.internal import session_key_from_sid
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.utils.http import base36_to_int

from clustr.kit import vault
from clustr.people.models import User
from clustr.people.retention import PASSWORD_RESET

AUDIENCE = "clustr-api"
_SECOND_FACTOR = "people:second-factor"
_REQUIRED = ["exp", "iat", "sub", "sid", "jti", "aud", "iss"]


class AccessTokens(JWTTokenStrategy):  # type: ignore[misc]
    """allauth's JWTs, made for this server and this API only."""

    def get_claims(self, _user: AbstractBaseUser) -> dict[str, Any]:
        return {"aud": AUDIENCE, "iss": settings.BASE_URL}

    def _get_access_token(self, request: HttpRequest) -> dict[str, Any] | None:
        payload: dict[str, Any] | None = super()._get_access_token(request)
        return payload if payload and payload.get("aud") == AUDIENCE else None

    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        try:
            pair: tuple[str, str] | None = super().refresh_token(refresh_token)
        except UpdateError:  # signed out while the token was being refreshed
            return None
        return pair


def claims_of(token: str) -> tuple[str, str] | None:
    """The user id and the session key that a good access token speaks of. The session may have ended: ask for it."""
    try:
        payload = jwt.decode(
            token,
            settings.HEADLESS_JWT_PRIVATE_KEY,
            algorithms=[settings.HEADLESS_JWT_ALGORITHM],
            audience=AUDIENCE,
            issuer=settings.BASE_URL,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError:
        return None
    if payload.get("token_use") != "access" or not isinstance(payload["sid"], str):
        return None
    session_key = session_key_from_sid(payload["sid"])
    return (payload["sub"], session_key) if session_key else None


class LinkTokens(PasswordResetTokenGenerator):
    """Signatures of the links that set a password. A link dies when it is used, when the person signs in, when their
    address changes, and by age: an invitation as settings say, a reset (somebody had a password already) much sooner."""

    key_salt = "clustr.people.LinkTokens"

    def check_token(self, user: User | None, token: str | None) -> bool:
        if user is None or not token or not user.is_active or not super().check_token(user, token):
            return False
        made_at = base36_to_int(token.split("-")[0])
        age_seconds = self._num_seconds(self._now()) - made_at
        return not user.has_usable_password() or bool(age_seconds <= PASSWORD_RESET.total_seconds())


def encrypt_second_factor(text: str) -> str:
    """So that a copy of the database alone opens nobody's second factor."""
    return base64.b64encode(vault.seal(text, bound_to=_SECOND_FACTOR)).decode()


def decrypt_second_factor(text: str) -> str:
    return vault.unseal(base64.b64decode(text), bound_to=_SECOND_FACTOR)
