"""Asking the API about money: addresses, refusals, and how many statements an answer took."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.models import Bill
from clustr.clusters.models import Cluster
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.wallets import commands as wallets
from tests.cast import ApiClient, Cast, Person, client_of

OFFICE = "/management/payments/"
MY_BILLS = "/members/bills/"
MY_WALLET = "/members/wallet/"
PIN = "482915"

bad_amounts = pytest.mark.parametrize(
    "amount",
    [5000, 5000.0, 1e3, "1e3", "-5.00", "+5.00", "5.001", "0", "0.00", "1000000000000000", "99999999999999.99", "5,000",
     " 5.00", "NaN", "", None, True, "٥"],
    ids=repr,
)  # fmt: skip


def refused(answer: Any, status: int, code: str, field: str | None = None) -> None:
    """Assert that the answer is this problem (about this field)."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    if field is not None:
        assert field in {error["field"] for error in answer.json()["errors"]}


def statements(ask: Callable[[], Any]) -> int:
    """How many statements the database got for an answer of 200."""
    with CaptureQueriesContext(connection) as seen:
        answer = ask()
    assert answer.status_code == 200, answer.content
    return len(seen)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def foreign_id() -> str:
    """An id that nothing has."""
    return str(new_id())


def edit(cast: Cast, bill: Bill, **changes: Any) -> Bill:
    """Change a bill as Ada."""
    return bills.edit_bill(actor=cast.ada.actor, bill_id=bill.id, changes=BillChanges(**changes), now=cast.now)


def cancel(cast: Cast, bill: Bill, *, refund_payers: bool = False) -> None:
    bills.cancel_bill(
        actor=cast.ada.actor, bill_id=bill.id, reason="A mistake.", refund_payers=refund_payers, now=cast.now
    )


def overdue(cast: Cast, bill: Bill) -> None:
    """Let a bill's due date pass: move its instants back in time."""
    with tenant(cast.cluster_id):
        Bill.objects.filter(id=bill.id).update(
            issued_at=cast.now - timedelta(days=20), due_date=cast.now - timedelta(days=1)
        )


def dispute(cast: Cast, person: Person, bill: Bill) -> None:
    bills.dispute_bill(actor=person.actor, bill_id=bill.id, reason="Not mine.", now=cast.now)


def pay(client: ApiClient, bill: Bill, amount: str | None = None, **more: Any) -> Any:
    """Pay over HTTP."""
    sent = {"bill_id": str(bill.id)} | ({"amount": amount} if amount else {}) | more.pop("body", {})
    return client.post(MY_BILLS + "pay_bill/", sent, **more)


def with_pin(cast: Cast, person: Person) -> ApiClient:
    """A client of somebody who has set a PIN."""
    wallets.set_pin(actor=person.actor, pin=PIN, old_pin=None, now=cast.now)
    return client_of(person)


def approval_limit(cast: Cast, minor: int | None) -> None:
    with tenant(cast.cluster_id):
        Cluster.objects.filter(id=cast.cluster_id).update(transfer_approval_limit_minor=minor)
