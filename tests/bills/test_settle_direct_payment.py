"""Money that a provider took for a bill: put there where what was agreed still stands, else left with the reason why."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.payments import commands as payments
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


class Undone(Exception):
    """Ends the transaction, so that nothing of it has happened."""


@pytest.fixture
def bill(cast: Cast) -> Bill:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    return bill


def verdict(
    cast: Cast,
    bill: Bill,
    amount: str = "5000.00",
    *,
    payer: Person | None = None,
    bill_id: UUID | None = None,
    version: int = 1,
    paid_at: datetime | None = None,
) -> str:
    """What is answered when this much arrives; it is undone afterwards."""
    payer = payer or cast.bola
    said = ""
    with pytest.raises(Undone), tenant(cast.cluster_id):
        transaction = payments.create_transaction(
            id=new_id(),
            type=TransactionType.BILL_PAYMENT,
            status=TransactionStatus.PENDING,
            amount=naira(amount),
            purpose=Purpose.BILL,
            user_id=payer.user_id,
            subject_id=bill_id or bill.id,
            now=cast.now,
        )
        bills.lock_for_settlement(transaction=transaction)
        said = bills.settle_direct_payment(
            transaction=transaction,
            version=version,
            source=ledger.open_account(kind=AccountKind.RECEIVED_CASH, currency="NGN"),
            paid_at=paid_at or cast.now,
            now=cast.now,
        )
        raise Undone
    return said


def test_it_works(cast: Cast, bill: Bill) -> None:
    assert verdict(cast, bill) == ""
    assert verdict(cast, bill, "1.00") == ""


def test_of_several_bills_and_members_it_is_the_one_asked_for(cast: Cast, bill: Bill) -> None:
    other = issue(cast, "70.00")
    assert verdict(cast, bill) == ""
    assert verdict(cast, other) == "bill_not_acknowledged"
    assert verdict(cast, bill, payer=cast.residents[1]) == "bill_not_acknowledged"


def test_an_unknown_bill(cast: Cast, bill: Bill) -> None:
    assert verdict(cast, bill, bill_id=new_id()) == "bill_not_found"


def test_a_bill_of_somebody_else(cast: Cast, bill: Bill) -> None:
    theirs = issue(cast, to=cast.residents[1])
    assert verdict(cast, theirs) == "bill_not_found"


def test_a_cancelled_bill(cast: Cast, bill: Bill) -> None:
    acts.cancel(cast, bill)
    assert verdict(cast, bill) == "bill_cancelled"


@pytest.mark.parametrize("version", [0, 2])
def test_other_terms(cast: Cast, bill: Bill, version: int) -> None:
    assert verdict(cast, bill, version=version) == "bill_changed"


def test_terms_that_nobody_agreed_to(cast: Cast) -> None:
    assert verdict(cast, issue(cast, "5000.00")) == "bill_not_acknowledged"


def test_a_paid_bill(cast: Cast, bill: Bill) -> None:
    fund(cast, cast.bola, "5000.00")
    acts.pay(cast, cast.bola, bill)
    assert verdict(cast, bill) == "bill_already_paid"
    assert verdict(cast, bill, "1.00") == "bill_already_paid"


def test_a_forgiven_bill(cast: Cast, bill: Bill) -> None:
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "0.00")
    assert verdict(cast, bill, "1.00") == "bill_already_paid"


def test_more_than_remains(cast: Cast, bill: Bill) -> None:
    assert verdict(cast, bill, "5000.01") == "amount_exceeds_remaining"
    fund(cast, cast.bola, "3000.00")
    acts.pay(cast, cast.bola, bill, "3000.00")
    assert verdict(cast, bill, "2000.01") == "amount_exceeds_remaining"
    assert verdict(cast, bill, "2000.00") == ""


def test_paid_at_the_last_instant_and_after_it(cast: Cast, bill: Bill) -> None:
    assert verdict(cast, bill, paid_at=bill.due_date) == ""
    late = bill.due_date + timedelta(microseconds=1)
    assert verdict(cast, bill, paid_at=late) == "bill_past_due"
    acts.edit(cast, bill, allow_payment_after_due=True)
    assert verdict(cast, bill, paid_at=late) == ""


def test_a_dispute_that_came_later_does_not_turn_it_away(cast: Cast, bill: Bill) -> None:
    acts.dispute(cast, cast.bola, bill)
    assert verdict(cast, bill) == ""
