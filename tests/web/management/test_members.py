"""`/management/payments/members/`: adding, changing, importing, finding; and everybody who may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from clustr.clusters.types import PaymentsPermissions, Role
from clustr.kit.ids import new_id
from clustr.web.management.members import MemberIn
from tests.cast import ApiClient, Cast, Part, Person, anonymous

MEMBERS = "/management/payments/members/"
IMPORT = MEMBERS + "import/"


def address() -> str:
    return f"{new_id()}@example.test"


def roster(*emails: str) -> str:
    return "email,name,phone,unit,unit_type,role,joined_on\n" + "".join(
        f"{email},Uche,,U1,flat,,\n" for email in emails
    )


def patch(cast: Cast, whom: Person, by: Person | None = None, **body: Any) -> Any:
    return cast.client_of(by or cast.ada).patch(f"{MEMBERS}{whom.membership_id}/", body)


def test_it_works(cast: Cast) -> None:
    ada, email = cast.client_of(cast.ada), address()
    made = ada.post(MEMBERS, {"email": email, "name": "Uche Obi", "unit": "B 4", "unit_type": "flat"})
    assert made.status_code == 201
    member = made.json()
    assert member["role"] == "resident"
    assert (member["email"], member["unit"], member["permissions"], member["left_at"]) == (email, "B 4", [], None)
    changed = ada.patch(f"{MEMBERS}{member['id']}/", {"role": "staff", "permissions": ["ViewWallet"]})
    assert changed.status_code == 200
    assert (changed.json()["role"], changed.json()["permissions"]) == ("staff", ["ViewWallet"])
    left_at = changed.json()["joined_at"]
    ended = ada.patch(f"{MEMBERS}{changed.json()['id']}/", {"left_at": left_at})
    assert (ended.status_code, ended.json()["errors"][0]["field"]) == (422, "left_at")
    listed = ada.get(MEMBERS, {"q": "uche"}).json()["results"]
    assert [row["role"] for row in listed] == ["resident", "staff"]
    assert listed[0]["left_at"] is not None


def test_pages_follow_each_other(cast: Cast) -> None:
    ada, seen, cursor = cast.client_of(cast.ada), [], None
    while True:
        answer = ada.get(MEMBERS, {"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["email"] for row in answer["results"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(person.email for person in cast.palm_grove.people.values())


def test_filters_narrow(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    patch(cast, cast.bola, left_at=cast.now.isoformat())
    assert [row["name"] for row in ada.get(MEMBERS, {"presence": "left"}).json()["results"]] == ["Bola"]
    assert [row["name"] for row in ada.get(MEMBERS, {"role": "admin"}).json()["results"]] == ["Ada"]
    assert len(ada.get(MEMBERS, {"role": "admin"}).json()["results"][0]["permissions"]) == 7


def test_a_roster_is_imported_and_repeated_harmlessly(cast: Cast) -> None:
    ada, text = cast.client_of(cast.ada), roster(address(), address())
    for _ in range(2):  # the repeat of the key, not of the work
        first = ada.post(IMPORT, text, key="roster", Content_Type="text/csv")
        assert first.status_code == 200
        assert first.json() == {"rows": 2, "created": 2, "updated": 0, "unchanged": 0, "units_created": 1}
    assert first["Idempotent-Replayed"] == "true"
    again = ada.post(IMPORT, text, Content_Type="text/csv; charset=utf-8")
    assert again.json() == {"rows": 2, "created": 0, "updated": 0, "unchanged": 2, "units_created": 0}


def test_a_roster_may_come_as_a_file(cast: Cast) -> None:
    file = SimpleUploadedFile("roster.csv", roster(address()).encode(), content_type="text/csv")
    answer = Client().post(IMPORT, {"file": file}, headers=cast.client_of(cast.ada).headers)
    assert (answer.status_code, answer.json()["created"]) == (200, 1)


@pytest.mark.parametrize("content_type", ["application/json", "application/zip", "multipart/form-data"])
def test_a_roster_of_another_kind_is_refused(cast: Cast, content_type: str) -> None:
    answer = cast.client_of(cast.ada).post(IMPORT, "x", Content_Type=content_type)
    assert answer.status_code in (400, 415)


def test_errors_in_a_roster_are_named_by_line(cast: Cast) -> None:
    text = roster(address(), "nobody", address())
    answer = cast.client_of(cast.ada).post(IMPORT, text, Content_Type="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (422, "roster_invalid")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        ("lines.3.email", "invalid_email")
    ]
    large = cast.client_of(cast.ada).post(IMPORT, text + " " * 5 * 1024 * 1024, Content_Type="text/csv")
    assert (large.status_code, large.json()["code"]) == (422, "roster_too_large")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@example.test", "role": "boss"}, "role"),
        ({"email": "a@example.test", "permissions": ["ViewPayments"]}, "permissions"),
        ({"email": "a@example.test", "role": "staff", "permissions": ["Everything"]}, "permissions.0"),
        ({"email": "a@example.test", "name": "x" * 201}, "name"),
        ({"email": "a@example.test", "joined_at": "2999-01-01T00:00:00Z"}, "joined_at"),
        ({"email": "a@example.test", "joined_at": "2026-01-01"}, "joined_at"),
        ({"email": "a@example.test", "is_admin": True}, "is_admin"),
    ],
)
def test_invalid_values_are_named(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = cast.client_of(cast.ada).post(MEMBERS, body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_already_a_member(cast: Cast) -> None:
    answer = cast.client_of(cast.ada).post(MEMBERS, {"email": cast.bola.email})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")


def test_who_is_known_elsewhere_is_not_shown_and_not_disturbed(cast: Cast) -> None:
    dayo, bola = cast.client_of(cast.dayo), cast.client_of(cast.bola)
    made = dayo.post(MEMBERS, {"email": cast.bola.email, "name": "Uche", "phone": "0800"})
    assert (made.status_code, made.json()["name"], made.json()["phone"]) == (201, "Uche", "0800")
    assert [row["name"] for row in dayo.get(MEMBERS).json()["results"]] == ["Dayo", "Chidi", "Uche"]
    balance = "/members/wallet/balance/"
    assert bola.get(balance).status_code == 200
    assert bola.get(balance, X_Cluster_ID=str(cast.lekki.id)).status_code == 200
    assert dayo.get(MEMBERS).json()["results"][-1]["name"] == "Bola"
    assert (bola.get(balance).status_code, bola.get(balance).json()["code"]) == (400, "cluster_required")


def test_the_last_administrator_stays(cast: Cast) -> None:
    answer = patch(cast, cast.ada, left_at=cast.now.isoformat())
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")


def test_nobody_changes_themselves(cast: Cast) -> None:
    cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    answer = patch(cast, cast.ada, role="staff")
    assert (answer.status_code, answer.json()["code"]) == (403, "own_membership")


def test_nobody_grants_what_they_do_not_hold(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    refused = patch(cast, cast.efe, by=manager, permissions=["TransferFunds"])
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_not_yours")
    refused = patch(cast, cast.efe, by=manager, role="admin")
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_only")


def test_an_ended_membership_is_not_changed(cast: Cast) -> None:
    patch(cast, cast.bola, left_at=(cast.now - timedelta(days=1)).isoformat())
    answer = patch(cast, cast.bola, unit="Z")
    assert (answer.status_code, answer.json()["code"]) == (409, "membership_ended")


@pytest.mark.parametrize("who", ["efe", "bola"])
def test_it_needs_the_permission(cast: Cast, who: str) -> None:
    person = getattr(cast, who)
    client = cast.client_of(person)
    for answer in (
        client.get(MEMBERS),
        client.post(MEMBERS, {"email": address()}),
        client.post(IMPORT, roster(address()), Content_Type="text/csv"),
        patch(cast, cast.bola, by=person, unit="Z"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")


def test_strangers_see_nothing(cast: Cast) -> None:
    dayo = cast.client_of(cast.dayo)
    assert patch(cast, cast.bola, by=cast.dayo, unit="Z").status_code == 404
    assert dayo.get(MEMBERS, {"q": "bola"}).json()["results"] == []
    named = dayo.get(MEMBERS, X_Cluster_ID=str(cast.cluster_id))
    assert (named.status_code, named.json()["code"]) == (404, "cluster_not_found")
    first = cast.client_of(cast.ada).get(MEMBERS, {"limit": 1}).json()["next"]
    assert dayo.get(MEMBERS, {"limit": 1, "cursor": first}).status_code == 422


def test_who_is_dismissed_is_refused_at_the_next_request(cast: Cast) -> None:
    efe = cast.client_of(cast.efe)
    audit = "/management/payments/audit/"
    assert efe.get(audit).status_code == 200
    patch(cast, cast.efe, permissions=[])
    assert (efe.get(audit).status_code, efe.get(audit).json()["code"]) == (403, "permission_missing")
    patch(cast, cast.efe, left_at=cast.now.isoformat())
    assert (efe.get(audit).status_code, efe.get(audit).json()["code"]) == (403, "permission_missing")


def test_what_is_no_phone_or_another_type_of_a_unit_is_told(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    sent = {"email": "first@palmgrove.test", "unit": "Y 9", "unit_type": "flat", "phone": "(0803) 555-12.34"}
    assert ada.post(MEMBERS, sent).status_code == 201
    sent |= {"email": "second@palmgrove.test"}
    for wrong in ({"phone": "abc"}, {"unit_type": "castle"}):
        told = ada.post(MEMBERS, sent | wrong)
        assert (told.status_code, [error["field"] for error in told.json()["errors"]]) == (422, [*wrong])
    assert ada.post(MEMBERS, sent).status_code == 201


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_comes_in_without_signing_in(method: str) -> None:
    client: ApiClient = anonymous()
    assert client.request(method, MEMBERS).status_code == 401


def test_a_permission_is_one_of_a_set_in_whatever_order(cast: Cast) -> None:
    """A set has an order of its own in every process: the same request must be known again after a restart."""
    body = MemberIn.model_validate(
        {"email": "a@b.test", "name": "A", "role": "staff", "permissions": [*map(str, PaymentsPermissions)]}
    )
    assert body.model_dump(mode="json")["permissions"] == sorted(PaymentsPermissions)


def test_to_send_null_is_another_request_than_to_leave_it_out(cast: Cast) -> None:
    bola, ada = cast.bola, cast.client_of(cast.ada)
    path = f"{MEMBERS}{bola.membership_id}/"
    assert ada.patch(path, {"reason": "x"}, key="k").status_code == 200
    refused = ada.patch(path, {"reason": "x", "left_at": None}, key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
