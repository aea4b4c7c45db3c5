"""`/members/recurring-payments/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.recurring.types import Frequency
from tests.cast import ApiClient, Cast, anonymous
from tests.money import acknowledge, fund, issue
from tests.recurring.acts import order_of, process
from tests.web.asking import PIN, bad_amounts, ids, refused, statements, with_pin

pytestmark = pytest.mark.usefixtures("books")
ADDRESS = "/members/recurring-payments/"


@pytest.fixture
def bola(cast: Cast) -> ApiClient:
    return cast.client_of(cast.bola)


def create(cast: Cast, client: ApiClient, **terms: Any) -> Any:
    key = terms.pop("key", None)
    sent = {
        "title": "Monthly Service Charge",
        "amount": "5000.00",
        "frequency": "monthly",
        "start_date": (cast.now + timedelta(hours=1)).isoformat(),
        "description": "Automated monthly service charge payment",
    }
    sent = {name: value for name, value in {**sent, **terms}.items() if value is not None}
    return client.post(f"{ADDRESS}create/", sent, key=key)


def act(client: ApiClient, verb: str, order: object, **more: Any) -> Any:
    return client.post(f"{ADDRESS}{verb}/", {"recurring_payment_id": str(order), **more})


def test_it_works(cast: Cast, bola: ApiClient) -> None:
    answer = create(cast, bola)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["status"], made["amount"], made["currency"]) == ("active", "5000.00", "NGN")
    assert made["next_run_at"] == made["start_date"]
    fund(cast, cast.bola, "6000.00")
    process(cast)
    seen = bola.get(f"{ADDRESS}{made['id']}/").json()
    (run,) = seen["history"]
    assert (run["status"], run["amount"], run["period"], len(run["transaction_ids"])) == ("completed", "5000.00", 0, 1)
    (transaction,) = bola.get("/members/wallet/transactions/", {"type": "recurring_payment"}).json()["results"]
    assert (transaction["id"], transaction["description"]) == (run["transaction_ids"][0], "Monthly Service Charge")


def test_a_repeat_has_one_effect(cast: Cast, bola: ApiClient) -> None:
    first, again = (create(cast, bola, key="one") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert len(ids(bola.get(f"{ADDRESS}my_payments/"))) == 1


def test_it_pays_bills_up_to_a_maximum(cast: Cast, bola: ApiClient) -> None:
    fund(cast, cast.bola, "90000.00")
    for amount in ("3000.00", "2000.00"):
        acknowledge(cast, cast.bola, issue(cast, amount))
    made = create(cast, bola, amount="1000.00", max_amount="4000.00", bill_type="service_charge").json()
    process(cast)
    (run,) = bola.get(f"{ADDRESS}{made['id']}/").json()["history"]
    assert (run["amount"], len(run["transaction_ids"])) == ("4000.00", 2)


@bad_amounts
def test_a_bad_amount_is_refused(cast: Cast, bola: ApiClient, amount: Any) -> None:
    answer = bola.post(
        f"{ADDRESS}create/",
        {"title": "T", "amount": amount, "frequency": "daily", "start_date": (cast.now + timedelta(1)).isoformat()},
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"start_date": "2020-01-01T00:00:00Z"}, "start_date_passed"),
        ({"end_date": "2020-01-01T00:00:00Z"}, "no_period_left"),
        ({"bill_type": "water_utility"}, "bill_type_not_payable"),
        ({"max_amount": "9000.00"}, "maximum_not_needed"),
        ({"payment_source": "card"}, "payment_method_missing"),
        ({"frequency": "hourly"}, "invalid"),
        ({"pin_code": "1"}, "invalid"),
    ],
)
def test_what_cannot_be_ordered_is_refused(cast: Cast, bola: ApiClient, terms: dict[str, Any], code: str) -> None:
    refused(create(cast, bola, **terms), 422, code)


def test_the_pin_is_needed_once_it_is_set(cast: Cast) -> None:
    client = with_pin(cast, cast.bola)
    refused(create(cast, client), 422, "pin_required")
    refused(create(cast, client, pin="000000"), 403, "pin_incorrect")
    made = create(cast, client, pin=PIN).json()["id"]
    assert act(client, "pause", made).status_code == 200
    refused(act(client, "resume", made), 422, "pin_required")
    assert act(client, "resume", made, pin=PIN).json()["status"] == "active"
    refused(client.patch(f"{ADDRESS}{made}/", {"amount": "5000.01"}), 422, "pin_required")
    assert client.patch(f"{ADDRESS}{made}/", {"amount": "5000.01", "pin": PIN}).json()["amount"] == "5000.01"
    assert client.patch(f"{ADDRESS}{made}/", {"amount": "10.00"}).json()["amount"] == "10.00"


def test_pause_resume_cancel(cast: Cast, bola: ApiClient) -> None:
    made = create(cast, bola).json()["id"]
    paused = act(bola, "pause", made, reason="Travelling").json()
    assert (paused["status"], paused["stopped_by"], paused["reason"], paused["next_run_at"]) == (
        "paused",
        "member",
        "Travelling",
        None,
    )
    refused(act(bola, "pause", made), 409, "recurring_payment_not_active")
    assert act(bola, "resume", made).json()["status"] == "active"
    refused(act(bola, "resume", made), 409, "recurring_payment_not_paused")
    assert act(bola, "cancel", made).json()["status"] == "cancelled"
    refused(act(bola, "cancel", made), 409, "recurring_payment_over")


def test_anothers_is_not_there(cast: Cast) -> None:
    order = order_of(cast)
    for stranger in (cast.residents[1], cast.chidi, cast.ada):
        client = cast.client_of(stranger)
        refused(client.get(f"{ADDRESS}{order}/"), 404, "recurring_payment_not_found")
        for verb in ("pause", "resume", "cancel"):
            refused(act(client, verb, order), 404, "recurring_payment_not_found")


def test_nobody_who_is_not_signed_in(cast: Cast) -> None:
    assert create(cast, anonymous()).status_code == 401


def test_the_list_and_the_summary(cast: Cast, bola: ApiClient) -> None:
    fund(cast, cast.bola, "6000.00")
    first = order_of(cast, "1000.00")
    second = order_of(cast, "10.00", frequency=Frequency.DAILY)
    assert ids(bola.get(f"{ADDRESS}my_payments/")) == [str(second), str(first)]
    process(cast)
    act(bola, "pause", first)
    assert ids(bola.get(f"{ADDRESS}my_payments/", {"status": "paused"})) == [str(first)]
    summary = bola.get(f"{ADDRESS}summary/").json()
    assert (summary["active"], summary["paused"], summary["paid_this_year"]) == (1, 1, "1010.00")
    assert summary["due_next_month"] == "300.00" or summary["due_next_month"] == "290.00"


def test_the_list_costs_the_same_however_long(cast: Cast, bola: ApiClient) -> None:
    order_of(cast)
    few = statements(lambda: bola.get(f"{ADDRESS}my_payments/"))
    for _ in range(9):
        order_of(cast)
    assert statements(lambda: bola.get(f"{ADDRESS}my_payments/")) == few
