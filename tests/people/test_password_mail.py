"""Setting a password through the mail: the forgotten one, and an invited person's first."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.db import transaction
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from clustr.kit import clock
from clustr.people import commands, links, queries, retention
from clustr.people.models import Mail, User
from clustr.people.refusals import PersonErased, PersonNotFound
from clustr.people.tokens import LinkTokens
from tests.people.someone import APP, Someone, an_address, key_in, mail_to, post, sign_in, someone

NEW = "another long password"
TEMPLATE = "people/mail/totp_activated"


def ask(client: Client, email: str) -> None:
    assert post(client, "auth/password/request", {"email": email}).status_code == 200


def set_password(client: Client, key: str, password: str = NEW) -> int:
    status: int = post(client, "auth/password/reset", {"key": key, "password": password}).status_code
    return status


def test_it_works(api: Client) -> None:
    bola = someone()
    token = sign_in(api, bola)["access_token"]
    ask(api, bola.email)
    message = mail_to(bola.email)
    assert message.subject == "Set a new ClustR password"
    assert "Hello Bola Ade," in message.body
    assert "http://127.0.0.1:8000/accounts/password/reset/key/" in message.body
    assert not Mail.objects.filter(address=bola.email).exists()

    assert set_password(api, key_in(message)) == 401  # done; signing in comes next
    assert queries.signed_in_by_token(token=token) is None, "every device was signed out"
    assert post(api, "auth/login", {"email": bola.email, "password": bola.password}).status_code == 400
    assert sign_in(api, Someone(bola.id, bola.email, NEW))
    assert mail_to(bola.email).subject == "Your password was changed"


def test_a_link_works_once(api: Client) -> None:
    bola = someone()
    ask(api, bola.email)
    key = key_in(mail_to(bola.email))
    assert set_password(api, key) == 401
    assert set_password(api, key, "yet another password") == 400


def test_signing_in_ends_the_link(api: Client) -> None:
    bola = someone()
    ask(api, bola.email)
    key = key_in(mail_to(bola.email))
    sign_in(api, bola)
    assert set_password(api, key) == 400


@pytest.mark.parametrize(
    "key", ["", "x", "nobody-abc-def", "0190a7c2f6d17b3e9a4c5d6e7f809123-abc-def", "-", "a-" + "9" * 500]
)
def test_a_made_up_link_is_refused(api: Client, key: str) -> None:
    assert set_password(api, key) == 400


def test_somebody_elses_link_is_refused(api: Client) -> None:
    bola, chidi = someone(), someone()
    ask(api, bola.email)
    key = key_in(mail_to(bola.email)).partition("-")[2]
    assert set_password(api, f"{chidi.id.hex}-{key}") == 400


class _Later(LinkTokens):
    def __init__(self, by: timedelta) -> None:
        super().__init__()
        self.by = by

    def _now(self):  # type: ignore[no-untyped-def]
        return PasswordResetTokenGenerator._now(self) + self.by


def test_links_run_out() -> None:
    second = timedelta(seconds=5)
    for person, life in ((someone(), retention.PASSWORD_RESET), (someone(password=None), retention.INVITATION)):
        user = User.objects.get(id=person.id)
        token = LinkTokens().make_token(user)
        assert _Later(life - second).check_token(user, token)
        assert not _Later(life + second).check_token(user, token)


def test_weak_passwords_are_refused(api: Client) -> None:
    bola = someone()
    ask(api, bola.email)
    key = key_in(mail_to(bola.email))
    for weak in ("short", "password123", "1234567890", bola.email):
        assert set_password(api, key, weak) == 400
    assert set_password(api, key) == 401


def test_an_unknown_address_is_answered_alike_and_told_by_mail(api: Client) -> None:
    email = f"{uuid4().hex}@example.test"
    known = post(api, "auth/password/request", {"email": someone().email})
    unknown = post(api, "auth/password/request", {"email": email})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert "no account has this address" in mail_to(email).body


def test_an_inactive_person_gets_no_link(api: Client) -> None:
    bola = someone()
    ask(api, bola.email)
    key = key_in(mail_to(bola.email))
    User.objects.filter(id=bola.id).update(is_active=False)
    assert set_password(api, key) == 400
    ask(api, bola.email)
    assert "/key/" not in str(mail_to(bola.email).body)


def test_links_never_follow_the_host_header(api: Client) -> None:
    bola = someone()
    response = api.post(
        APP + "auth/password/request",
        {"email": bola.email},
        content_type="application/json",
        headers={"host": "localhost"},
    )
    assert response.status_code == 200
    assert "http://127.0.0.1:8000/" in str(mail_to(bola.email).body)


# --- invitations --------------------------------------------------------------------------------------------------------


def test_an_invited_person_sets_a_password_and_comes_in(api: Client) -> None:
    bola = someone(password=None)
    commands.invite(user_id=bola.id, estate="Palm Grove", now=clock.now())
    message = mail_to(bola.email)
    assert message.subject == "Palm Grove has added you to ClustR"
    assert set_password(api, key_in(message)) == 401
    assert sign_in(api, Someone(bola.id, bola.email, NEW)), "the link proved the address: no further confirmation"
    assert set_password(api, key_in(message), "yet another password") == 400


def test_the_headed_page_takes_the_link() -> None:
    bola, browser = someone(password=None), Client(REMOTE_ADDR=an_address())
    commands.invite(user_id=bola.id, estate="Palm Grove", now=clock.now())
    page = browser.get(f"/accounts/password/reset/key/{key_in(mail_to(bola.email))}/", follow=True)
    assert page.status_code == 200
    browser.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert sign_in(browser, Someone(bola.id, bola.email, NEW))


def test_somebody_with_a_password_gets_no_link() -> None:
    bola = someone()
    commands.invite(user_id=bola.id, estate="Lekki\r\nBcc: all@example.test", now=clock.now())
    message = mail_to(bola.email)
    assert message.subject == "Lekki Bcc: all@example.test has added you to ClustR"
    assert "/key/" not in str(message.body)


def test_nobody_and_the_erased_are_not_invited() -> None:
    with pytest.raises(PersonNotFound):
        commands.invite(user_id=uuid4(), estate="Palm Grove", now=clock.now())
    bola = someone()
    commands.erase_person(user_id=bola.id, reason="asked", by=None, now=clock.now())
    with pytest.raises(PersonErased):
        commands.invite(user_id=bola.id, estate="Palm Grove", now=clock.now())


# --- the outbox -----------------------------------------------------------------------------------------------------------


def test_mail_and_its_job_commit_with_the_transaction() -> None:
    bola = someone(password=None)
    with pytest.raises(RuntimeError), transaction.atomic():
        commands.invite(user_id=bola.id, estate="Palm Grove", now=clock.now())
        raise RuntimeError
    assert not Mail.objects.filter(user_id=bola.id).exists()
    before = ProcrastinateJob.objects.filter(task_name="people.send_mail").count()
    commands.invite(user_id=bola.id, estate="Palm Grove", now=clock.now())
    (waiting,) = Mail.objects.filter(user_id=bola.id)
    job = ProcrastinateJob.objects.filter(task_name="people.send_mail").latest("id")
    assert ProcrastinateJob.objects.filter(task_name="people.send_mail").count() == before + 1
    assert job.args == {"mail_id": str(waiting.id)}, "a job carries no secret"
    assert job.queue_name == "messages"


def test_mail_is_sent_once_when_its_job_runs_twice() -> None:
    bola = someone()
    commands.write_to(user_id=bola.id, template=TEMPLATE, context={}, now=clock.now())
    waiting = Mail.objects.get(user_id=bola.id)
    for _ in range(2):
        commands.deliver_mail(mail_id=waiting.id)
    assert len([message for message in mail.outbox if message.to == [bola.email]]) == 1


def test_undeliverable_mail_is_purged() -> None:
    bola, now = someone(), clock.now()
    for at in (now - retention.MAIL - timedelta(minutes=1), now):
        commands.write_to(user_id=bola.id, template=TEMPLATE, context={}, now=at)
    commands.purge_expired(now=now)
    assert [waiting.created_at for waiting in Mail.objects.filter(user_id=bola.id)] == [now]


def test_a_link_is_one_of_ours() -> None:
    user = User.objects.get(id=someone().id)
    assert links.set_password_link(user).startswith(f"http://127.0.0.1:8000/accounts/password/reset/key/{user.id.hex}-")
