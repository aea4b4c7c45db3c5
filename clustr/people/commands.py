"""What may be done with people: register, invite, write to, forget. The only writer of the room."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.template.loader import render_to_string

from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.people import links, policies, retention, throttle
from clustr.people.exports import registered_erasure_checks, registered_erasures
from clustr.people.models import NAME_LENGTH, PHONE_LENGTH, Erasure, Mail, User
from clustr.people.refusals import InvalidPerson, PersonErased, PersonNotFound, ReasonMissing
from clustr.people.types import Admitted, NewPerson

_BATCH = 5_000

_REGISTER = """
INSERT INTO people_user (id, email, name, phone, password, is_platform_staff, is_active, created_at)
SELECT id, email, name, phone, password, false, true, %s
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) AS person (id, email, name, phone, password)
ON CONFLICT (email) DO NOTHING RETURNING id"""


def register_people(*, rows: Sequence[NewPerson], now: datetime, password_hash: str | None = None) -> dict[str, UUID]:
    """As `admit_people`, for who need not know whom others knew before: everybody's id by normalised e-mail."""
    return admit_people(rows=rows, now=now, password_hash=password_hash).ids


def admit_people(*, rows: Sequence[NewPerson], now: datetime, password_hash: str | None = None) -> Admitted:
    """Make sure each of these people exists, and answer everybody's id, and who is new.

    Nothing of people already known changes; of repeated addresses the first row counts. One row a person is all that is
    written, 5,000 to a statement, so a million residents are no trouble. `password_hash` gives new people a password
    at once and vouches for their address: the demonstration does, estates invite.
    """
    people: dict[str, tuple[str, str]] = {}
    for email, name, phone in rows:
        people.setdefault(policies.normalised_email(email), _checked(name, phone))
    emails = sorted(people)  # one order for everybody, so that two imports of the same people cannot deadlock
    ids: dict[str, UUID] = {}
    new: set[UUID] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(emails), _BATCH):
            batch = emails[start : start + _BATCH]
            cursor.execute(
                _REGISTER,
                [
                    now,
                    [new_id() for _ in batch],
                    batch,
                    [people[email][0] for email in batch],
                    [people[email][1] for email in batch],
                    [password_hash or _unusable_password() for _ in batch],
                ],
            )
            new.update(user_id for (user_id,) in cursor.fetchall())
            cursor.execute("SELECT email, id FROM people_user WHERE email = ANY(%s)", [batch])
            ids.update(cursor.fetchall())
    return Admitted(ids, frozenset(new))


def create_platform_staff(*, email: str, name: str, now: datetime, password_hash: str | None = None) -> UUID:
    """Make this person one of the platform's own people, and invite them unless a password is given at once."""
    with transaction.atomic():
        (user_id,) = register_people(rows=[(email, name, "")], now=now, password_hash=password_hash).values()
        User.objects.filter(id=user_id).update(is_platform_staff=True)
        if password_hash is None:
            invite(user_id=user_id, estate="ClustR", now=now)
    return user_id


def change_name(*, user_id: UUID, name: str) -> None:
    """Change what a person is called, in every estate of theirs. Part of an act's transaction, which says who asked.
    Refuses `InvalidPerson` for no name or one that is too long, `PersonNotFound`, `PersonErased`."""
    _reachable(user_id)
    name, _phone = _checked(name, "")
    if not name:
        raise InvalidPerson("A person needs a name.")
    User.objects.filter(id=user_id).update(name=name)


def invite(*, user_id: UUID, estate: str, now: datetime, accept: UUID | None = None) -> None:
    """Mail this person that the estate added them; with a link to set their password if they have none yet. The link
    works once and for `retention.INVITATION`. Inviting again is harmless: the latest links all work until one is used.
    `accept` is what somebody whom others knew before has to name to accept: the estate's id.
    """
    user = _reachable(user_id)
    context = {
        "estate": policies.one_line(estate),
        "set_password_url": None if user.has_usable_password() else links.set_password_link(user),
        "days": retention.INVITATION.days,
        "accept": accept,
    }
    write_to(user_id=user.id, template="people/mail/invitation", context=context, now=now)


def write_to(*, user_id: UUID, template: str, context: dict[str, Any], now: datetime) -> None:
    """Write to a person, once the transaction under way has committed. `template` names a text template of the caller's
    room ("wallets/mail/pin_reset" for `wallets/mail/pin_reset.txt`); it sees `user` besides `context`, and its first line
    is the subject. Extend "people/mail/base.txt" for the greeting."""
    user = _reachable(user_id)
    mail_address(address=user.email, user_id=user.id, template=template, values={"user": user, **context}, now=now)


def write_at_once(
    *, user_id: UUID, template: str, context: dict[str, Any], attachments: Sequence[tuple[str, bytes, str]] = ()
) -> None:
    """Write to a person now, outside any transaction and without keeping a word of it: for what no table may hold, and for
    what is attached (name, content, type). Whoever calls sees to it that it is tried again."""
    user = _reachable(user_id)
    subject, body = _rendered(user.email, template, {"user": user, **context})
    EmailMessage(subject=subject, body=body, to=[user.email], attachments=list(attachments)).send()


def _rendered(address: str, template: str, values: dict[str, Any]) -> tuple[str, str]:
    text = render_to_string(f"{template}.txt", {"email": address, **values}).strip()
    subject, _, body = text.partition("\n")
    return policies.one_line(subject)[:200], body.strip() + "\n"


def mail_address(*, address: str, user_id: UUID | None, template: str, values: dict[str, Any], now: datetime) -> None:
    """Write to an address, whoever has it. The row and its job commit with the transaction under way."""
    subject, body = _rendered(address, template, values)
    with transaction.atomic():
        mail = Mail.objects.create(user_id=user_id, address=address, subject=subject, body=body, created_at=now)
        enqueue("people.send_mail", mail_id=mail.id)


def deliver_mail(*, mail_id: UUID) -> None:
    """Send a waiting mail and delete it. Sent or purged already: nothing to do. Dying between the two sends it twice."""
    mail = Mail.objects.filter(id=mail_id).first()
    if mail is not None:
        EmailMessage(subject=mail.subject, body=mail.body, to=[mail.address]).send()
        mail.delete()


def confirm_address(*, user: User) -> None:
    """Record, for allauth, that this person has proved their address."""
    from allauth.account.models import EmailAddress

    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def erase_person(*, user_id: UUID, reason: str, by: UUID | None, now: datetime) -> None:
    """Forget who this person was. Their identity is destroyed in every room; the books keep their bare id. Recorded, so
    that a restored backup can be made to forget again. Harmless to repeat. Refuses as the rooms above do, before anything
    is destroyed: the last administrator of an estate, or somebody whose money is still here."""
    if not policies.one_line(reason):
        raise ReasonMissing
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise PersonNotFound
    if user.erased_at is None:
        for check in registered_erasure_checks().values():
            check(user_id)
    _erase(user_id=user_id, reason=reason, by=by, now=now)


def _erase(*, user_id: UUID, reason: str, by: UUID | None, now: datetime) -> None:
    for erase in registered_erasures().values():
        erase(user_id, now)
    with transaction.atomic():
        Erasure.objects.get_or_create(
            user_id=user_id,
            defaults={
                "at": now,
                "reason": policies.one_line(reason)[:500],
                "by": by,
                "basis": retention.ERASURE_BASIS,
            },
        )
        _forget(user_id, now)


def reapply_erasures(*, records: Iterable[dict[str, Any]], now: datetime) -> int:
    """After a backup was restored: forget everybody again who was erased, by the restored table and by `records` (as
    `queries.erasures` answers them). Answers how many people were forgotten now. Nothing is checked: it was decided."""
    wanted = {erasure.user_id: erasure.reason for erasure in Erasure.objects.all()}
    wanted.update({UUID(record["user_id"]): str(record["reason"]) for record in records})
    present = User.objects.filter(id__in=wanted, erased_at=None).values_list("id", flat=True)
    for user_id in (forgotten := list(present)):
        _erase(user_id=user_id, reason=wanted[user_id], by=None, now=now)
    return len(forgotten)


def purge_expired(*, now: datetime) -> None:
    """Delete what has outlived its class of `retention`. Sessions and counters live by the database's own clock."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_session WHERE expire_date <= now()")
        cursor.execute(
            "DELETE FROM usersessions_usersession u"
            " WHERE NOT EXISTS (SELECT FROM django_session s WHERE s.session_key = u.session_key)"
        )
        cursor.execute("DELETE FROM people_cache WHERE expires_at <= now()")
    Mail.objects.filter(created_at__lt=now - retention.MAIL).delete()


def _forget(user_id: UUID, now: datetime) -> None:
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    user = User.objects.select_for_update().get(id=user_id)
    addresses = {user.email, *EmailAddress.objects.filter(user=user).values_list("email", flat=True)}
    devices = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=list(devices.values_list("session_key", flat=True))).delete()
    devices.delete()
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    Mail.objects.filter(user_id=user_id).delete()
    Mail.objects.filter(address__in=addresses).delete()
    for address in addresses:
        throttle.forget_attempts(email=address)
    User.objects.filter(id=user_id).update(
        email=policies.erased_email(user_id),
        name=policies.ERASED_NAME,
        phone="",
        password=make_password(None),
        last_login=None,
        is_active=False,
        is_platform_staff=False,
        erased_at=user.erased_at or now,
    )


def _reachable(user_id: UUID) -> User:
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise PersonNotFound
    if user.erased_at is not None:
        raise PersonErased
    return user


def _checked(name: str, phone: str) -> tuple[str, str]:
    name, phone = policies.one_line(name), policies.one_line(phone)
    if len(name) > NAME_LENGTH or len(phone) > PHONE_LENGTH:
        raise InvalidPerson(
            "A name has at most {name} characters, a phone number {phone}.", name=NAME_LENGTH, phone=PHONE_LENGTH
        )
    return name, phone


def _unusable_password() -> str:
    """Different for everybody, as Django's own, and made a hundred times faster."""
    return UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20)
