"""Importing a roster: everybody or nobody, every error by its line, harmless to repeat, quick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from clustr.clusters import queries
from clustr.clusters.commands import end_membership, import_roster
from clustr.clusters.member_queries import members_of
from clustr.clusters.refusals import RosterInvalid, RosterTooLarge
from clustr.clusters.roster import MAX_BYTES, MAX_ROWS
from clustr.clusters.types import Member, RosterResult
from clustr.kit.actor import PermissionMissing
from clustr.kit.ids import new_id
from clustr.kit.line_errors import MAX_ERRORS
from clustr.kit.tenancy import tenant
from clustr.people.models import User
from tests.cast import Cast, Person

HEADER = "email,name,phone,unit,unit_type,role,joined_on\n"


def load(cast: Cast, text: str | bytes, by: Person | None = None) -> RosterResult:
    content = text if isinstance(text, bytes) else text.encode()
    return import_roster(actor=(by or cast.ada).actor, content=content, now=cast.now)


def errors_of(cast: Cast, text: str | bytes, by: Person | None = None) -> list[tuple[str, str]]:
    with pytest.raises(RosterInvalid) as refused:
        load(cast, text, by)
    return [(error.field, error.code) for error in refused.value.errors]


def address() -> str:
    return f"{new_id()}@example.test"


def by_email(cast: Cast) -> dict[str, Member]:
    return {member.email: member for member in members_of(actor=cast.ada.actor, now=cast.now, limit=200)}


def waiting_jobs(cast: Cast) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'clusters.send_invitations'"
            " AND args ->> 'cluster_id' = %s",
            [str(cast.cluster_id)],
        )
        return int(cursor.fetchone()[0])


def test_it_works(cast: Cast) -> None:
    resident, staff = address(), address()
    result = load(
        cast,
        "\ufeff" + HEADER + f'{resident.upper()},"Obi, Uche ",+2348030000001, Block B  1 ,flat,,2025-03-01\r\n'
        f"\r\n{staff},Sani,,Block B 1,,staff,\r\n",
    )
    assert result == RosterResult(rows=2, created=2, updated=0, unchanged=0, units_created=1)
    members = by_email(cast)
    assert (members[resident].name, members[resident].unit, members[resident].phone) == (
        "Obi, Uche",
        "Block B 1",
        "+2348030000001",
    )
    assert members[resident].joined_at == datetime(2025, 2, 28, 23, tzinfo=UTC)  # midnight in Lagos
    assert (members[staff].role, members[staff].joined_at, members[staff].permissions) == ("staff", cast.now, ())
    assert waiting_jobs(cast) == 1


def test_the_same_file_again_changes_nothing(cast: Cast) -> None:
    text = HEADER + "".join(f"{address()},P{n},,U{n},,,{'2025-01-01' if n % 2 else ''}\n" for n in range(10))
    assert load(cast, text).created == 10
    before = by_email(cast)
    assert load(cast, text) == RosterResult(rows=10, created=0, updated=0, unchanged=10, units_created=0)
    assert by_email(cast) == before
    assert waiting_jobs(cast) == 1


def test_a_known_members_unit_is_updated_and_nothing_else(cast: Cast) -> None:
    result = load(cast, HEADER + f"{cast.bola.email},Somebody Else,0800,Z9,,,2020-01-01\n")
    assert (result.created, result.updated, result.units_created) == (0, 1, 1)
    member = by_email(cast)[cast.bola.email]
    assert (member.unit, member.name, member.phone) == ("Z9", "Bola", "")
    assert member.id == cast.bola.membership_id


def test_who_left_and_is_listed_again_comes_back(cast: Cast) -> None:
    left_at = cast.now - timedelta(days=10)
    end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=left_at, now=cast.now)
    within = (cast.now - timedelta(days=30)).date()
    assert load(cast, HEADER + f"{cast.bola.email},,,,,,{within}\n").unchanged == 1
    too_early = (cast.now - timedelta(days=200)).date()
    assert errors_of(cast, HEADER + f"{cast.bola.email},,,,,,{too_early}\n") == [
        ("lines.2.joined_on", "periods_overlap")
    ]
    assert load(cast, HEADER + f"{cast.bola.email},,,,,,\n").created == 1


def test_somebody_of_another_estate_joins_under_the_name_on_the_roster(cast: Cast) -> None:
    assert load(cast, f"email,name\n{cast.chidi.email},Not Chidi\n").created == 1
    assert by_email(cast)[cast.chidi.email].name == "Not Chidi"
    assert User.objects.get(id=cast.chidi.user_id).name == "Chidi"


def test_every_error_is_named_by_its_line(cast: Cast) -> None:
    good, twice = address(), address()
    text = HEADER + (
        f"{good},Fine,,,,,\n"
        "nobody,Bad,,,,,\n"
        f"{twice},A,,,,,\n"
        f'{address()},"two\nlines",,,,boss,\n'
        f"{twice.upper()},B,,,,,\n"
        f"{address()},{'x' * 201},,,,,2026-02-30\n"
        f"{address()},C,,,,,2999-01-01\n"
        f"{address()},D,,,,,01/02/2026\n"
        f"{address()},E,,,,,,extra\n"
    )
    assert errors_of(cast, text) == [
        ("lines.3.email", "invalid_email"),
        ("lines.5.role", "unknown_role"),
        ("lines.7.email", "duplicate"),
        ("lines.8.name", "too_long"),
        ("lines.8.joined_on", "invalid_date"),
        ("lines.9.joined_on", "in_future"),
        ("lines.10.joined_on", "invalid_date"),
        ("lines.11.row", "too_many_cells"),
    ]
    assert not User.objects.filter(email=good).exists()


def test_all_or_nothing_also_when_the_error_is_about_members(cast: Cast) -> None:
    new = address()
    text = HEADER + f"{new},New,,U77,,,\n{cast.efe.email},Efe,,,,admin,\n"
    assert errors_of(cast, text) == [("lines.3.role", "role_differs")]
    assert not User.objects.filter(email=new).exists()
    assert waiting_jobs(cast) == 0


def test_only_a_hundred_errors_are_listed(cast: Cast) -> None:
    assert len(errors_of(cast, HEADER + "nobody,,,,,,\n" * 500)) == MAX_ERRORS


@pytest.mark.parametrize("header", ["", "name,phone\n", "email,email\n", "email,password\n", "a@example.test,Uche\n"])
def test_a_header_is_required(cast: Cast, header: str) -> None:
    assert errors_of(cast, header + "a@example.test,B\n") == [("lines.1", "bad_header")] or header == ""


def test_columns_come_in_any_order_and_may_be_missing(cast: Cast) -> None:
    email = address()
    assert load(cast, f"Unit, EMAIL\nQ7,{email}\n").created == 1
    assert by_email(cast)[email].unit == "Q7"


def test_a_file_that_is_not_utf8_is_refused(cast: Cast) -> None:
    assert errors_of(cast, HEADER.encode() + b"a@example.test,Ad\xe9,,,,,\n") == [("lines.2", "not_utf8")]


def test_a_broken_quote_is_refused(cast: Cast) -> None:
    assert errors_of(cast, HEADER + 'a@example.test,"A"b,,,,,\n') == [("lines.2.row", "not_csv")]
    assert errors_of(cast, HEADER + 'a@example.test,"A,,,,,\n') == [("lines.2.row", "not_csv")]


@pytest.mark.parametrize(
    "name", ["=1+1", "@SUM(A1)", "nul\x00byte", "e\u0301", "🏠", "\u202eRTL", "'; DROP TABLE x; --"]
)
def test_odd_cells_are_plain_text(cast: Cast, name: str) -> None:
    email = address()
    load(cast, HEADER + f'{email},"{name}",,"{name}",,,\n')
    stored = by_email(cast)[email].name
    assert "\x00" not in stored
    assert "\u202e" not in stored
    assert stored.isprintable()
    assert stored == {"e\u0301": "é", "nul\x00byte": "nul byte", "\u202eRTL": "RTL"}.get(name, name)


def test_too_much_is_refused(cast: Cast) -> None:
    with pytest.raises(RosterTooLarge):
        load(cast, HEADER.encode() + b" " * MAX_BYTES)
    with pytest.raises(RosterTooLarge):
        load(cast, "email\n" + "".join(f"a{n}@example.test\n" for n in range(MAX_ROWS + 1)))


def test_it_needs_the_permission(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        with pytest.raises(PermissionMissing):
            load(cast, HEADER, by=person)


def test_only_an_administrator_lists_administrators(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    text = HEADER + f"{address()},A,,,,admin,\n"
    assert errors_of(cast, text, by=manager) == [("lines.2.role", "admin_only")]
    assert load(cast, text).created == 1


def test_an_administrator_may_be_listed_as_a_resident_too(cast: Cast) -> None:
    assert load(cast, HEADER + f"{cast.ada.email},Ada,,H1,,resident,\n").created == 1
    assert {m.role for m in members_of(actor=cast.ada.actor, now=cast.now, q=cast.ada.email)} == {"admin", "resident"}


def test_five_thousand_rows_are_one_import(cast: Cast) -> None:
    tag = new_id().hex
    text = HEADER + "".join(
        f"r{n}-{tag}@example.test,Resident {n},+23480{n:08d},Block {n % 50} Flat {n},flat,resident,2026-01-{n % 28 + 1:02d}\n"
        for n in range(5_000)
    )
    assert load(cast, text).created == 5_000
    assert load(cast, text).unchanged == 5_000
    with tenant(cast.cluster_id):
        assert queries.members_billed(issued_at=cast.now, due_date=cast.now, at_issue_only=True) == 5_003


def test_two_spellings_of_a_unit_are_one_unit(cast: Cast) -> None:
    second = cast.add_resident()
    result = load(cast, HEADER + f"{cast.bola.email},,,House 1,,,\n{second.email},,,HOUSE  1,,,\n")
    assert (result.updated, result.units_created) == (2, 1)
