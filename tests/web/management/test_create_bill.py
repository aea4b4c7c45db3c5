"""`POST /management/payments/create_bill/`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.bills.models import Bill
from clustr.kit.tenancy import tenant
from tests.cast import Cast, anonymous
from tests.web.asking import OFFICE, bad_amounts, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "create_bill/"


def body(cast: Cast, **more: Any) -> dict[str, Any]:
    return {
        "title": "Service charge",
        "amount": "5000.00",
        "type": "service_charge",
        "due_date": (cast.now + timedelta(days=10)).isoformat(),
        **more,
    }


def bills_of(cast: Cast) -> int:
    with tenant(cast.cluster_id):
        return Bill.objects.filter(cluster_id=cast.cluster_id).count()


def test_it_works(cast: Cast) -> None:
    answer = cast.client_of(cast.ada).post(ADDRESS, body(cast, description="For gate\nand lawn.", currency="NGN"))
    assert answer.status_code == 201
    bill = answer.json()
    assert (bill["amount"], bill["currency"], bill["category"]) == ("5000.00", "NGN", "cluster_managed")
    assert (bill["user_id"], bill["is_cluster_wide"], bill["version"]) == (None, True, 1)
    assert (bill["status"], bill["members_billed"], bill["paid_count"]) == ("pending_acknowledgment", 3, 0)
    assert (bill["amount_billed"], bill["amount_collected"], bill["amount_outstanding"]) == (
        "15000.00",
        "0.00",
        "15000.00",
    )
    assert bill["cluster_id"] == str(cast.cluster_id)
    assert bill["created_by"] == str(cast.ada.user_id)
    assert bill["due_date"].endswith("Z")
    assert bills_of(cast) == 1


def test_one_resident_is_billed(cast: Cast) -> None:
    bill = cast.client_of(cast.ada).post(ADDRESS, body(cast, user_id=str(cast.bola.user_id))).json()
    assert (bill["user_id"], bill["is_cluster_wide"]) == (str(cast.bola.user_id), False)
    assert (bill["members_billed"], bill["amount_due"]) == (1, "5000.00")


def test_nobody_named_is_the_whole_cluster(cast: Cast) -> None:
    assert cast.client_of(cast.ada).post(ADDRESS, body(cast, user_id=None)).json()["is_cluster_wide"]


def test_a_repeat_has_one_effect(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    first, again = (ada.post(ADDRESS, body(cast), key="bill-1") for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert bills_of(cast) == 1
    refused(ada.post(ADDRESS, body(cast, amount="6000.00"), key="bill-1"), 422, "idempotency_key_reused")


def test_a_refusal_leaves_no_key(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    refused(ada.post(ADDRESS, body(cast, user_id=foreign_id()), key="bill-2"), 404, "member_not_found")
    assert ada.post(ADDRESS, body(cast), key="bill-2").status_code == 201


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, amount: object) -> None:
    answer = cast.client_of(cast.ada).post(ADDRESS, body(cast, amount=amount))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "amount"
    assert bills_of(cast) == 0


def test_the_due_date_must_lie_ahead(cast: Cast) -> None:
    past = (cast.now - timedelta(seconds=1)).isoformat()
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, due_date=past)), 422, "due_date_not_ahead")


@pytest.mark.parametrize(
    "due_date", ["tomorrow", "2099-01-01", "2099-01-01T00:00:00", 4070908800, "2099-02-30T00:00:00Z"]
)
def test_the_due_date_must_be_an_instant(cast: Cast, due_date: object) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, due_date=due_date)), 422, "invalid", "due_date")


def test_utility_types_are_the_members_own(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, type="water_utility")), 422, "type_not_managed")


def test_a_type_must_be_known(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, type="rent")), 422, "invalid", "type")


def test_the_currency_must_be_the_clusters(cast: Cast) -> None:
    answer = cast.client_of(cast.ada).post(ADDRESS, body(cast, currency="USD"))
    refused(answer, 422, "currency_mismatch", "currency")


def test_a_currency_must_be_known(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, currency="XXX")), 422, "invalid", "currency")


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\nb", 5])
def test_a_title_is_one_line(cast: Cast, title: object) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, title=title)), 422, "invalid", "title")


def test_unknown_fields_are_refused(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).post(ADDRESS, body(cast, amout="1.00")), 422, "invalid", "amout")


def test_only_residents_here_can_be_billed(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    for stranger in (str(cast.chidi.user_id), str(cast.ada.user_id), foreign_id()):
        refused(ada.post(ADDRESS, body(cast, user_id=stranger)), 404, "member_not_found")


@pytest.mark.parametrize("name", ["efe", "bola"])
def test_it_needs_manage_bill(cast: Cast, name: str) -> None:
    refused(cast.client_of(getattr(cast, name)).post(ADDRESS, body(cast)), 403, "permission_missing")
    assert bills_of(cast) == 0


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(anonymous().post(ADDRESS, body(cast)), 401, "not_signed_in")
