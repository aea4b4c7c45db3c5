"""The main job, over HTTP from the sign-in on: an estate bills everybody, a resident acknowledges, disputes and pays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clustr.people.commands import confirm_address
from clustr.people.models import User
from tests.cast import ApiClient, Cast, Person
from tests.money import cluster_balance

pytestmark = pytest.mark.usefixtures("books")

PASSWORD = "a-long-enough-secret"
OFFICE = "/management/payments/"
MINE = "/members/"


def test_an_estate_bills_and_collects(cast: Cast) -> None:
    ada, efe, bola, chidi = (sign_in(person) for person in (cast.ada, cast.efe, cast.bola, cast.chidi))
    due = (cast.now + timedelta(days=10)).isoformat()
    for index, amount in enumerate(("8000.00", "500.00")):
        received = {"user_id": str(cast.bola.user_id), "amount": amount, "method": "cash", "reference": f"R-{index}"}
        assert ada.post(OFFICE + "record_offline_payment/", received).status_code == 201

    made = ada.post(
        OFFICE + "create_bill/",
        {"title": "Service charge", "amount": "5000.00", "type": "service_charge", "due_date": due},
    )
    assert made.status_code == 201
    bill = made.json()
    assert bill["is_cluster_wide"]
    assert bill["members_billed"] == len(cast.residents)
    second = ada.post(
        OFFICE + "create_bill/", {"title": "Diesel", "amount": "700.00", "type": "electricity", "due_date": due}
    ).json()

    listed = bola.get(MINE + "bills/my_bills/").json()["results"]
    assert [row["id"] for row in listed] == [second["id"], bill["id"]]
    assert listed[1]["status"] == "pending_acknowledgment"
    assert chidi.get(MINE + "bills/my_bills/").json()["results"] == []

    refused = pay(bola, bill, "2000.00")
    assert (refused.status_code, refused.json()["code"]) == (409, "bill_not_acknowledged")
    acknowledged = bola.post(MINE + "bills/acknowledge_bill/", {"bill_id": bill["id"], "version": 1})
    assert acknowledged.json()["can_pay"]

    first = pay(bola, bill, "2000.00")
    assert first.status_code == 201
    assert first.json()["bill"]["status"] == "partially_paid"
    rest = pay(bola, bill)
    assert rest.json()["transaction"]["amount"] == "3000.00"
    assert rest.json()["bill"]["status"] == "paid"
    assert pay(bola, bill).json()["code"] == "bill_already_paid"

    disputed = bola.post(MINE + "bills/dispute_bill/", {"bill_id": second["id"], "reason": "No diesel was bought."})
    assert disputed.json()["status"] == "disputed"
    assert pay(bola, second).json()["code"] == "bill_disputed"

    assert bola.get(MINE + "wallet/balance/").json()["balance"] == "3500.00"
    the_office_sees_everything(efe, cast, bill)
    assert ada.get(OFFICE + "cluster_wallet/").json()["balance"] == "5000.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"


def the_office_sees_everything(efe: ApiClient, cast: Cast, bill: dict[str, Any]) -> None:
    seen = efe.get(f"{OFFICE}bills/{bill['id']}/").json()
    assert (seen["status"], seen["paid_count"], seen["acknowledged_count"]) == ("partially_paid", 1, 1)
    assert (seen["amount_collected"], seen["amount_outstanding"]) == ("5000.00", "10000.00")
    unpaid = efe.get(f"{OFFICE}bills/{bill['id']}/members/", {"unpaid": "true"}).json()["results"]
    assert {row["user_id"] for row in unpaid} == {str(person.user_id) for person in cast.residents[1:]}
    payments = efe.get(OFFICE + "transactions/", {"bill_id": bill["id"]}).json()["results"]
    assert [row["amount"] for row in payments] == ["3000.00", "2000.00"]
    assert efe.get(OFFICE + "disputes/", {"status": "open"}).json()["results"][0]["name"] == "Bola"
    dashboard = efe.get(OFFICE + "dashboard/").json()
    assert dashboard["totals"]["collected"] == "5000.00"
    assert dashboard["open_disputes"]["count"] == 1
    card = efe.get(OFFICE + "users/", {"q": "Bola"}).json()["results"][0]["bill_status"]
    assert (card["paid"], card["disputed"], card["amount_outstanding"]) == (1, 1, "700.00")


def sign_in(person: Person) -> ApiClient:
    user = User.objects.get(id=person.user_id)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    confirm_address(user=user)
    answer = Client().post(
        "/_allauth/app/v1/auth/login",
        {"email": person.email, "password": PASSWORD},
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    return ApiClient(answer.json()["meta"]["access_token"])


def pay(client: ApiClient, bill: dict[str, Any], amount: str | None = None) -> Any:
    body = {"bill_id": bill["id"]} | ({"amount": amount} if amount else {})
    return client.post(MINE + "bills/pay_bill/", body)
