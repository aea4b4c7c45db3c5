"""`POST /management/payments/create_bulk_bills/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from clustr.bills.models import Bill
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.tenancy import tenant
from clustr.people.commands import register_people
from tests.cast import Cast
from tests.web.asking import OFFICE, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "create_bulk_bills/"


def bill(cast: Cast, **more: Any) -> dict[str, Any]:
    due = (cast.now + timedelta(days=10)).isoformat()
    return {"title": "Repair", "amount": "5000.00", "type": "maintenance", "due_date": due, **more}


def bills_of(cast: Cast) -> int:
    with tenant(cast.cluster_id):
        return Bill.objects.filter(cluster_id=cast.cluster_id).count()


def test_it_works(cast: Cast) -> None:
    sent = [bill(cast, user_id=str(person.user_id), title=person.name) for person in cast.residents] + [bill(cast)]
    answer = cast.client_of(cast.ada).post(ADDRESS, {"bills": sent})
    assert answer.status_code == 201
    assert answer.json()["created"] == 4
    assert [row["title"] for row in answer.json()["results"]] == [row["title"] for row in sent]
    assert [row["is_cluster_wide"] for row in answer.json()["results"]] == [False, False, False, True]
    assert bills_of(cast) == 4


def test_the_answer_is_what_the_list_says(cast: Cast) -> None:
    joining = [("Newcomer", 3), ("Later", 15)]
    ids = register_people(rows=[(f"{name}-{uuid4().hex}@x.test", name, "") for name, _ in joining], now=cast.now)
    new = [
        NewMember(user_id, Role.RESIDENT, cast.now + timedelta(days=days), (), "")
        for user_id, (_, days) in zip(ids.values(), joining, strict=True)
    ]
    enrol_members(cluster_id=cast.cluster_id, members=new, now=cast.now)
    later = (cast.now + timedelta(days=20)).isoformat()
    sent = [
        *(bill(cast), bill(cast, members_at_issue_only=True), bill(cast, due_date=later)),
        *(bill(cast, due_date=later, members_at_issue_only=True), bill(cast, user_id=str(cast.bola.user_id))),
    ]
    ada = cast.client_of(cast.ada)
    made = ada.post(ADDRESS, {"bills": sent}).json()["results"]
    assert made == ada.get(OFFICE + "bills/").json()["results"][::-1]
    due = [row["amount_due"] for row in made]
    assert due == ["20000.00", "15000.00", "25000.00", "15000.00", "5000.00"]


def test_five_thousand_are_issued_at_once(cast: Cast) -> None:
    sent = {"bills": [bill(cast, title=f"Repair {n}") for n in range(5_000)]}
    answer = cast.client_of(cast.ada).post(ADDRESS, sent)
    assert answer.json()["created"] == 5_000


def test_a_repeat_has_one_effect(cast: Cast) -> None:
    ada, sent = cast.client_of(cast.ada), {"bills": [bill(cast), bill(cast)]}
    first, again = (ada.post(ADDRESS, sent, key="bulk") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert bills_of(cast) == 2


def test_one_wrong_bill_stops_all_and_is_named(cast: Cast) -> None:
    past = (cast.now - timedelta(days=1)).isoformat()
    sent = [bill(cast), bill(cast, due_date=past), bill(cast, type="water_utility"), bill(cast, user_id=foreign_id())]
    answer = cast.client_of(cast.ada).post(ADDRESS, {"bills": sent})
    refused(answer, 422, "bulk_invalid")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
        ("bills.1.due_date", "due_date_not_ahead"),
        ("bills.2.type", "type_not_managed"),
        ("bills.3.user_id", "member_not_found"),
    ]
    assert bills_of(cast) == 0


def test_values_are_named_by_their_place(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    good = [bill(cast)] * 3
    refused(ada.post(ADDRESS, {"bills": [*good, bill(cast, amount="0.00")]}), 422, "invalid", "bills.3.amount")
    refused(ada.post(ADDRESS, {"bills": [*good, bill(cast, amount=5)]}), 422, "invalid", "bills.3.amount")
    answer = ada.post(ADDRESS, {"bills": [*good, bill(cast, currency="USD")]})
    refused(answer, 422, "currency_mismatch", "bills.3.currency")


def test_there_must_be_some(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, {"bills": []}), 422, "invalid", "bills")


def test_there_must_not_be_too_many(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, {"bills": [bill(cast)] * 5_001}), 422, "invalid", "bills")


def test_foreign_residents_cannot_be_billed(cast: Cast) -> None:
    answer = cast.client_of(cast.ada).post(ADDRESS, {"bills": [bill(cast, user_id=str(cast.chidi.user_id))]})
    refused(answer, 422, "bulk_invalid", "bills.0.user_id")


def test_it_needs_manage_bill(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        refused(cast.client_of(person).post(ADDRESS, {"bills": [bill(cast)]}), 403, "permission_missing")
