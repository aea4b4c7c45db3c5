"""A person's data can be handed over whole, and their identity destroyed, while the books stay."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from clustr.kit import clock
from clustr.people import commands, exports, queries, retention
from clustr.people.models import Erasure, Mail, User
from clustr.people.refusals import PersonNotFound, ReasonMissing
from tests.people.someone import post, sign_in, someone

DOCS = Path(__file__).parents[2] / "docs"


def holding_everything(api: Client) -> tuple[UUID, str]:
    """Somebody of whom every table of this room holds something."""
    bola = someone()
    sign_in(api, bola)
    Authenticator.objects.create(user_id=bola.id, type="totp", data={"secret": "sealed"})
    commands.write_to(user_id=bola.id, template="people/mail/totp_activated", context={}, now=clock.now())
    post(api, "auth/login", {"email": bola.email, "password": "not this one"})
    return bola.id, bola.email


@pytest.fixture
def upper_room() -> Any:
    """A room above that holds something about people too."""
    held: dict[UUID, str] = {}
    section = f"room_{uuid4().hex}"
    exports.register_export(section, lambda user_id: held.get(user_id))
    exports.register_erasure(section, lambda user_id, _now: held.pop(user_id, None))
    yield section, held
    exports._exports.pop(section)
    exports._erasures.pop(section)


def test_it_works(api: Client, upper_room: Any) -> None:
    section, held = upper_room
    bola, email = holding_everything(api)
    held[bola] = "paid in cash"
    data = queries.export_person(user_id=bola)
    assert json.loads(json.dumps(data)) == data
    here = data["people"]
    assert (here["email"], here["name"], here["phone"]) == (email, "Bola Ade", "+2348000000000")
    assert here["addresses"] == [{"email": email, "verified": True, "primary": True}]
    assert [factor["type"] for factor in here["second_factors"]] == ["totp"]
    assert len(here["sessions"]) == 1
    assert [waiting["subject"] for waiting in here["mail_waiting"]] == ["Two-step sign-in is on"]
    assert data[section] == "paid in cash"


def test_an_export_holds_no_secret_and_nobody_else(api: Client) -> None:
    bola, _ = holding_everything(api)
    _, other = holding_everything(api)
    text = json.dumps(queries.export_person(user_id=bola))
    assert other not in text
    for secret in ("sealed", User.objects.get(id=bola).password, UserSession.objects.get(user_id=bola).session_key):
        assert secret not in text


def test_an_export_names_every_column_held_about_a_person() -> None:
    here = queries.export_person(user_id=someone().id)["people"]
    given = {"last_login": "last_signed_in_at", "password": "has_password"}
    columns = {field.name for field in User._meta.fields}
    assert {given.get(column, column) for column in columns} <= set(here)


def test_nobody_has_no_export() -> None:
    with pytest.raises(PersonNotFound):
        queries.export_person(user_id=uuid4())


def test_erasing_leaves_no_identity_anywhere(api: Client, upper_room: Any) -> None:
    _, held = upper_room
    bola, email = holding_everything(api)
    held[bola] = "paid in cash"
    by, now = uuid4(), clock.now()
    session_key = UserSession.objects.get(user_id=bola).session_key
    commands.erase_person(user_id=bola, reason="asked for it", by=by, now=now)

    person = User.objects.get(id=bola)
    assert (person.email, person.name, person.phone) == (f"erased-{bola}@erased.invalid", "Erased person", "")
    assert (person.is_active, person.erased_at, person.last_login) == (False, now, None)
    assert not person.has_usable_password()
    for model in (EmailAddress, Authenticator, UserSession, Mail):
        assert not model.objects.filter(user_id=bola).exists()
    assert not Session.objects.filter(session_key=session_key).exists()
    assert bola not in held
    erasure = Erasure.objects.get(user_id=bola)
    assert (erasure.at, erasure.reason, erasure.by, erasure.basis) == (now, "asked for it", by, retention.ERASURE_BASIS)
    assert not tables_that_mention(email)
    assert queries.find_by_email(email=email) is None
    assert queries.names_of(user_ids=[bola]) == {bola: "Erased person"}
    assert not queries.contact_of(user_id=bola).reachable


def tables_that_mention(text: str) -> list[str]:
    """Every table of the database in which the text stands, in whatever column. `SET LOCAL row_security` is not needed:
    the owner of the embedded server's tables is asked."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" AS t WHERE t::text ILIKE %s)', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_the_search_for_identity_finds_it(api: Client) -> None:
    _, email = holding_everything(api)
    assert {"people_user", "people_mail", "account_emailaddress"} <= set(tables_that_mention(email))


def test_erasing_again_is_harmless_and_the_address_is_free(api: Client) -> None:
    bola, email = holding_everything(api)
    for hour in range(2):
        commands.erase_person(user_id=bola, reason="asked", by=None, now=clock.now() + timedelta(hours=hour))
    assert Erasure.objects.filter(user_id=bola).count() == 1
    ids = commands.register_people(rows=[(email, "Bola", "")], now=clock.now())
    assert ids[email] != bola


def test_an_erasure_needs_a_person_and_a_reason() -> None:
    with pytest.raises(ReasonMissing):
        commands.erase_person(user_id=someone().id, reason=" \n", by=None, now=clock.now())
    with pytest.raises(PersonNotFound):
        commands.erase_person(user_id=uuid4(), reason="asked", by=None, now=clock.now())


def test_an_erased_person_cannot_be_given_a_name_again() -> None:
    bola = someone()
    commands.erase_person(user_id=bola.id, reason="asked", by=None, now=clock.now())
    with pytest.raises(Exception, match="people_user_erased_is_empty"):
        User.objects.filter(id=bola.id).update(name="Bola")


def test_erasures_are_never_taken_back() -> None:
    bola = someone()
    commands.erase_person(user_id=bola.id, reason="asked", by=None, now=clock.now())
    for statement in ("UPDATE people_erasure SET reason = ''", "DELETE FROM people_erasure"):
        with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(statement)
        with pytest.raises(Exception, match="append-only"), connections["owner"].cursor() as cursor:
            cursor.execute(statement)


def test_a_restored_backup_forgets_again(tmp_path: Path) -> None:
    bola, chidi = someone(), someone()
    commands.erase_person(user_id=bola.id, reason="asked", by=None, now=clock.now())
    # The backup is older than the erasures: bola's is in its table but not done, chidi's is only in the kept list.
    User.objects.filter(id=bola.id).update(
        email=bola.email, name="Bola Ade", is_active=True, erased_at=None, phone="+2348000000000"
    )
    kept = tmp_path / "erasures.jsonl"
    kept.write_text(json.dumps({"user_id": str(chidi.id), "reason": "asked"}) + "\n")
    call_command("reapply_erasures", str(kept), stdout=StringIO())
    for person in (bola, chidi):
        assert User.objects.get(id=person.id).erased_at is not None
    out = StringIO()
    call_command("list_erasures", stdout=out)
    listed = {json.loads(line)["user_id"] for line in out.getvalue().splitlines()}
    assert {str(bola.id), str(chidi.id)} <= listed


def test_what_has_run_out_is_purged(api: Client) -> None:
    bola = someone()
    meta = sign_in(api, bola)
    Session.objects.filter(session_key=meta["session_token"]).update(expire_date=clock.now() - timedelta(days=1))
    commands.purge_expired(now=clock.now())
    assert not Session.objects.filter(session_key=meta["session_token"]).exists()
    assert not UserSession.objects.filter(user_id=bola.id).exists()


def test_moving_the_demonstrations_clock_signs_nobody_out(api: Client) -> None:
    token = sign_in(api, someone())["access_token"]
    commands.purge_expired(now=clock.now() + timedelta(days=365))
    assert queries.signed_in_by_token(token=token)


def test_those_who_check_the_books_cannot_read_identity() -> None:
    for alias in ("checker", "sweep"):
        with connections["owner"].cursor() as cursor:
            for table, column in (
                ("people_user", "email"),
                ("people_mail", "body"),
                ("django_session", "session_key"),
                ("mfa_authenticator", "data"),
                ("account_emailaddress", "email"),
                ("usersessions_usersession", "ip"),
            ):
                role = connections[alias].settings_dict["USER"]
                cursor.execute("SELECT has_column_privilege(%s, %s, %s, 'SELECT')", [role, table, column])
                assert cursor.fetchone() == (False,), (alias, table)


def test_the_page_on_privacy_names_every_class() -> None:
    text = (DOCS / "privacy.md").read_text()
    for kind in retention.RETENTION:
        assert f"| {kind.name} |" in text, kind.name
        assert kind.what in text
        assert kind.why in text


# --- the command line ----------------------------------------------------------------------------------------------------


def test_the_command_line_exports_and_erases(api: Client) -> None:
    bola, email = holding_everything(api)
    out = StringIO()
    call_command("export_person", email.upper(), stdout=out)
    assert json.loads(out.getvalue())["people"]["id"] == str(bola)
    call_command("erase_person", email, reason="letter of 3 May", stdout=StringIO())
    assert Erasure.objects.get(user_id=bola).reason == "letter of 3 May"
    with pytest.raises(CommandError, match="nobody"):
        call_command("erase_person", email, reason="again", stdout=StringIO())
    with pytest.raises(CommandError, match="nobody"):
        call_command("export_person", email)


def test_the_command_line_makes_platform_staff() -> None:
    email = f"ngozi-{uuid4().hex}@example.test"
    call_command("create_platform_staff", email, name="Ngozi", stdout=StringIO())
    assert User.objects.get(email=email).is_platform_staff
    with pytest.raises(CommandError, match="not an e-mail address"):
        call_command("create_platform_staff", "ngozi", stdout=StringIO())
