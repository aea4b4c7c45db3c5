"""What others may ask about people. The door asks once per request: who is behind this token?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from clustr.kit.prepared import fetch_prepared
from clustr.people import policies
from clustr.people.exports import registered_exports
from clustr.people.models import Erasure, Mail, User
from clustr.people.refusals import InvalidEmail, PersonNotFound
from clustr.people.tokens import claims_of
from clustr.people.types import Contact, SignedIn

_RECORDS = "account_authentication_methods"
"""Where allauth notes, in the session, how and when the person proved who they are."""

_WHO = """
SELECT s.session_data, u.password, u.is_platform_staff
FROM django_session s, people_user u
WHERE s.session_key = %s AND s.expire_date > now() AND u.id = %s AND u.is_active"""


def signed_in_by_token(*, token: str) -> SignedIn | None:
    """The person behind an API client's access token, or None: malformed, forged, expired, made for something else,
    signed out, password changed since, or no longer active. One statement at most; signing out counts at once."""
    claims = claims_of(token)
    if claims is None:
        return None
    subject, session_key = claims
    try:
        user_id = UUID(subject)
    except ValueError:
        return None
    rows = fetch_prepared(_WHO, [session_key, user_id])
    if not rows:
        return None
    ((kept, password, is_platform_staff),) = rows
    session, user = SessionStore().decode(kept), User(id=user_id, password=password)
    if not _session_is_of(session, user):
        return None
    return SignedIn(user_id, is_platform_staff, _last_proof(session))


def signed_in_by_session(*, user: Any, session: SessionBase) -> SignedIn | None:
    """The person behind a browser's session: `request.user` and `request.session`, as Django's middleware made them
    (two statements, and the same checks)."""
    if not isinstance(user, User) or not user.is_active:
        return None
    return SignedIn(user.id, user.is_platform_staff, _last_proof(session))


def _session_is_of(session: dict[str, Any], user: User) -> bool:
    return (
        session.get(SESSION_KEY) == str(user.id)
        and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    )


def _last_proof(session: Any) -> datetime | None:
    records = session.get(_RECORDS) or []
    instants = [record["at"] for record in records if isinstance(record.get("at"), int | float)]
    return datetime.fromtimestamp(max(instants), UTC) if instants else None


def is_platform_staff(*, user_id: UUID) -> bool:
    """Whether somebody is one of the platform's own people, and active."""
    return User.objects.filter(id=user_id, is_platform_staff=True, is_active=True).exists()


def find_by_email(*, email: str) -> UUID | None:
    """The person with this address, if any."""
    try:
        normalised = policies.normalised_email(email)
    except InvalidEmail:
        return None
    return User.objects.filter(email=normalised).values_list("id", flat=True).first()


def staff_by_email(*, email: str) -> UUID:
    """The platform's own person with this address. Refuses PersonNotFound."""
    user_id = find_by_email(email=email)
    staff = User.objects.filter(is_platform_staff=True, is_active=True)
    if user_id is None or not staff.filter(id=user_id).exists():
        raise PersonNotFound("Nobody of the platform's staff has the address {email}.", email=email)
    return user_id


def names_of(*, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """What to call each of these people: their name, or else their address. Unknown ids are left out."""
    found = User.objects.filter(id__in=set(user_ids)).values_list("id", "name", "email")
    return {user_id: name or email for user_id, name, email in found}


def contacts_of(*, user_ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """How to reach each of these people. Unknown ids are left out."""
    found = User.objects.filter(id__in=set(user_ids)).values_list("id", "email", "name", "phone", "is_active")
    return {row[0]: Contact(*row) for row in found}


def contact_of(*, user_id: UUID) -> Contact:
    contacts = contacts_of(user_ids=[user_id])
    if user_id not in contacts:
        raise PersonNotFound
    return contacts[user_id]


def platform_staff() -> list[UUID]:
    """The platform's own people."""
    found = User.objects.filter(is_platform_staff=True, is_active=True).order_by("id")
    return list(found.values_list("id", flat=True))


def export_person(*, user_id: UUID) -> dict[str, Any]:
    """Everything held about one person, by room, as plain values. Secrets (hashes, second-factor keys) are named, not
    given."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise PersonNotFound
    sections = {section: function(user_id) for section, function in sorted(registered_exports().items())}
    return {"people": _held_here(user), **sections}


def _held_here(user: User) -> dict[str, Any]:
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "phone": user.phone,
        "is_platform_staff": user.is_platform_staff,
        "is_active": user.is_active,
        "created_at": _instant(user.created_at),
        "last_signed_in_at": _instant(user.last_login),
        "erased_at": _instant(user.erased_at),
        "has_password": user.has_usable_password(),
        "addresses": list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary")),
        "second_factors": [
            {"type": kind, "added_at": _instant(added), "last_used_at": _instant(used)}
            for kind, added, used in Authenticator.objects.filter(user=user).values_list(
                "type", "created_at", "last_used_at"
            )
        ],
        "sessions": [
            {"ip": ip, "client": client, "began_at": _instant(began), "last_seen_at": _instant(seen)}
            for ip, client, began, seen in UserSession.objects.filter(user=user).values_list(
                "ip", "user_agent", "created_at", "last_seen_at"
            )
        ],
        "mail_waiting": [
            {"subject": subject, "created_at": _instant(created)}
            for subject, created in Mail.objects.filter(user_id=user.id).values_list("subject", "created_at")
        ],
    }


def erasures() -> list[dict[str, Any]]:
    """Whom we were asked to forget: to be kept beside the backups, so that a restored one can forget again."""
    return [
        {
            "user_id": str(erasure.user_id),
            "at": erasure.at.isoformat(),
            "reason": erasure.reason,
            "by": str(erasure.by) if erasure.by else None,
            "basis": erasure.basis,
        }
        for erasure in Erasure.objects.order_by("at", "id")
    ]


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
