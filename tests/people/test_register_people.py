"""Registering people: set-based, repeatable, one row each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clustr.kit import clock
from clustr.people import commands, queries
from clustr.people.models import User
from clustr.people.refusals import InvalidEmail, InvalidPerson
from clustr.people.types import NewPerson


def rows_of(count: int) -> list[NewPerson]:
    tag = uuid4().hex
    return [(f"r{number}-{tag}@example.test", f"Resident {number}", "") for number in range(count)]


def test_it_works() -> None:
    rows = rows_of(5_001)
    with CaptureQueriesContext(connection) as captured:
        ids = commands.register_people(rows=rows, now=clock.now())
    statements = [query["sql"] for query in captured if "people_user" in query["sql"]]
    assert len(statements) == 4, "two statements for each 5,000"
    assert len(set(ids.values())) == 5_001
    person = User.objects.get(id=ids[rows[7][0]])
    assert (person.email, person.name, person.is_active) == (rows[7][0], "Resident 7", True)
    assert not person.has_usable_password()
    assert person.password != User.objects.get(id=ids[rows[8][0]]).password


def test_repeating_changes_nothing_and_answers_the_same_ids() -> None:
    rows = rows_of(10)
    first = commands.register_people(rows=rows, now=clock.now())
    again = commands.register_people(
        rows=[(email.upper(), "Somebody else", "1") for email, _, _ in rows] + rows_of(1), now=clock.now()
    )
    assert again.items() > first.items()
    assert len(again) == 11
    assert set(User.objects.filter(id__in=first.values()).values_list("phone", flat=True)) == {""}


def test_of_repeated_addresses_the_first_row_counts() -> None:
    email = f"Ade-{uuid4().hex}@Example.test"
    ids = commands.register_people(rows=[(email, "First", ""), (f" {email.lower()} ", "Second", "")], now=clock.now())
    assert list(ids) == [email.lower()]
    assert queries.names_of(user_ids=ids.values()) == {ids[email.lower()]: "First"}


def test_two_imports_at_once_agree() -> None:
    rows = rows_of(500)

    def register(reverse: bool) -> dict[str, object]:
        try:
            return dict(commands.register_people(rows=rows[::-1] if reverse else rows, now=clock.now()))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(register, [True, False, True, False]))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("email", ["", "ada", "ada@", "a b@example.test", "x" * 250 + "@example.test", "a\r\nb@c.test"])
def test_what_is_not_an_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidEmail):
        commands.register_people(rows=[*rows_of(1), (email, "", "")], now=clock.now())


def test_the_address_of_an_erased_person_cannot_be_claimed() -> None:
    with pytest.raises(InvalidEmail):
        commands.register_people(rows=[(f"erased-{uuid4()}@erased.invalid", "", "")], now=clock.now())


def test_names_that_are_too_long_are_refused() -> None:
    with pytest.raises(InvalidPerson):
        commands.register_people(rows=[(rows_of(1)[0][0], "x" * 201, "")], now=clock.now())


def test_the_database_refuses_a_second_writing_of_an_address() -> None:
    email = f"{uuid4().hex}@example.test"
    commands.register_people(rows=[(email, "", "")], now=clock.now())
    for spelling in (email, email.upper()):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(email=spelling, created_at=clock.now())


def test_nobody_can_be_deleted() -> None:
    (user_id,) = commands.register_people(rows=rows_of(1), now=clock.now()).values()
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM people_user WHERE id = %s", [user_id])


def test_people_are_found_named_and_reached() -> None:
    email = f"ada-{uuid4().hex}@example.test"
    (ada,) = commands.register_people(rows=[(email, "Ada Obi", "+234")], now=clock.now()).values()
    assert queries.find_by_email(email=f" {email.upper()}") == ada
    assert queries.find_by_email(email="nobody") is None
    contact = queries.contact_of(user_id=ada)
    assert (contact.email, contact.name, contact.phone, contact.reachable) == (email, "Ada Obi", "+234", True)
    assert queries.names_of(user_ids=[uuid4()]) == {}


def test_platform_staff_are_made_and_invited_once() -> None:
    from tests.people.someone import key_in, mail_to

    email = f"ngozi-{uuid4().hex}@example.test"
    first = commands.create_platform_staff(email=email, name="Ngozi", now=clock.now())
    assert commands.create_platform_staff(email=email, name="Ngozi", now=clock.now()) == first
    assert User.objects.get(id=first).is_platform_staff
    assert key_in(mail_to(email))
