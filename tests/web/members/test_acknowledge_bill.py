"""`POST /members/bills/acknowledge_bill/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.bills.models import Acknowledgment, Bill
from clustr.kit.tenancy import tenant
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_BILLS, cancel, dispute, edit, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_BILLS + "acknowledge_bill/"


def ask(cast: Cast, bill: Bill, by: Person | None = None, **more: Any) -> Any:
    return cast.client_of(by or cast.bola).post(ADDRESS, {"bill_id": str(bill.id), **more})


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    answer = ask(cast, bill, version=1)
    assert answer.status_code == 200
    mine = answer.json()
    assert (mine["status"], mine["can_acknowledge"], mine["can_pay"]) == ("acknowledged", False, True)
    with tenant(cast.cluster_id):
        kept = Acknowledgment.objects.get(bill_id=bill.id)
    assert (kept.user_id, kept.version, kept.ip) == (cast.bola.user_id, 1, "127.0.0.1")
    assert bytes(kept.terms_digest) == bytes(bill.terms_digest)


def test_a_repeat_is_harmless(cast: Cast) -> None:
    bill = issue(cast)
    first, again = ask(cast, bill), ask(cast, bill)
    assert (again.status_code, again.json()["acknowledged_at"]) == (200, first.json()["acknowledged_at"])
    with tenant(cast.cluster_id):
        assert Acknowledgment.objects.filter(bill_id=bill.id).count() == 1


def test_another_version_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    edit(cast, bill, title="Another title")
    refused(ask(cast, bill, version=1), 409, "bill_changed")
    refused(ask(cast, bill, version=3), 409, "bill_changed")
    assert ask(cast, bill, version=2).status_code == 200


def test_changed_terms_are_acknowledged_anew(cast: Cast) -> None:
    bill = issue(cast)
    ask(cast, bill)
    edit(cast, bill, title="Another title")
    fund(cast, cast.bola, "5000.00")
    refused(pay(cast.client_of(cast.bola), bill), 409, "bill_not_acknowledged")
    assert ask(cast, bill).json()["can_pay"]


def test_not_while_disputed(cast: Cast) -> None:
    bill = issue(cast)
    dispute(cast, cast.bola, bill)
    refused(ask(cast, bill), 409, "bill_disputed")


def test_not_a_cancelled_bill(cast: Cast) -> None:
    bill = issue(cast)
    cancel(cast, bill)
    refused(ask(cast, bill), 409, "bill_cancelled")


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, True, 2**31])
def test_a_version_is_a_whole_number(cast: Cast, version: object) -> None:
    refused(ask(cast, issue(cast), version=version), 422, "invalid", "version")


@pytest.mark.parametrize("bill_id", [None, "", "1", 1, [], {}])
def test_a_bill_is_named_by_its_id(cast: Cast, bill_id: object) -> None:
    refused(cast.client_of(cast.bola).post(ADDRESS, {"bill_id": bill_id}), 422, "invalid", "bill_id")


def test_foreign_bills_are_not_found(cast: Cast) -> None:
    bill, others = issue(cast), issue(cast, to=cast.residents[1])
    refused(ask(cast, others), 404, "bill_not_found")
    refused(ask(cast, bill, cast.chidi), 404, "bill_not_found")
    refused(ask(cast, bill, cast.ada), 404, "bill_not_found")
    refused(cast.client_of(cast.bola).post(ADDRESS, {"bill_id": foreign_id()}), 404, "bill_not_found")


def test_a_paid_bill_has_been_acknowledged(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast.client_of(cast.bola), bill)
    assert ask(cast, bill).json()["status"] == "paid"
