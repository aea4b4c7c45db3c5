"""Links in mail. They name the configured host, never the Host header: a forged one would send a person's link elsewhere."""

from __future__ import annotations

from urllib.parse import quote

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse

from clustr.people.models import User
from clustr.people.tokens import LinkTokens


def set_password_link(user: User) -> str:
    """A link that lets its reader set this person's password, once."""
    return password_link(f"{user_pk_to_url_str(user)}-{LinkTokens().make_token(user)}")


def password_link(key: str) -> str:
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
    return f"{settings.BASE_URL}{path.replace('UID-KEY', quote(key))}"


def confirmation_link(key: str) -> str:
    return f"{settings.BASE_URL}{reverse('account_confirm_email', args=[key])}"
