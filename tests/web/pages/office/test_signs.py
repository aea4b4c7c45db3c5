"""Which way money went stands before an amount, wherever the office looks at a movement; nothing where nothing moved."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.kit.ids import new_id
from clustr.payments.states import OPEN, Purpose, TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.wallets.commands.chargebacks import borne_number
from clustr.wallets.types import FEES_KEPT
from clustr.web.templatetags.office import moving, passed
from tests.money import naira
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import make_lived

AMOUNT = '<span class="amount">{}₦700<span class="minor">.00</span></span>'
IN, OUT, STILL = f'<span class="incoming">+{AMOUNT.format("")}</span>', AMOUNT.format("−"), AMOUNT.format("")
DONE = TransactionStatus.COMPLETED


def movement(type: TransactionType, status: TransactionStatus, **more: Any) -> TransactionView:
    said: dict[str, Any] = {
        "id": new_id(),
        "reference": "R",
        "type": type,
        "purpose": Purpose.WALLET,
        "status": status,
        "amount": naira("700.00"),
        "refunded": naira("0.00"),
        "provider": "",
        "provider_reference": "",
        "user_id": None,
        "bill_id": None,
        "description": "",
        "failure": None,
        "created_at": None,
    }
    return TransactionView(**said | more, completed_at=None)


T, P = TransactionType, Purpose
WRITTEN: dict[tuple[TransactionType, Purpose], tuple[str, str]] = {
    (T.DEPOSIT, P.WALLET): (STILL, IN),
    (T.DEPOSIT, P.SURPLUS): (STILL, IN),
    (T.BILL_PAYMENT, P.BILL): (STILL, IN),
    (T.RECURRING_PAYMENT, P.RECURRING_PAYMENT): (STILL, IN),
    (T.CREDIT, P.CLUSTER_WALLET): (STILL, IN),
    (T.CREDIT, P.CHARGEBACK): (STILL, IN),
    (T.CREDIT, P.REFUND): (STILL, STILL),
    (T.WITHDRAWAL, P.PAYOUT): (OUT, OUT),
    (T.TRANSFER, P.PAYOUT): (OUT, OUT),
    (T.UTILITY_PAYMENT, P.UTILITY): (OUT, OUT),
    (T.REFUND, P.CHARGEBACK): (STILL, OUT),
    (T.TRANSFER, P.FEES): (STILL, STILL),
}
"""What stands before the amount of each that a command writes, while it waits and once it is done; refunds apart."""
GIVEN_BACK = {
    T.DEPOSIT: (OUT, OUT),
    T.BILL_PAYMENT: (OUT, OUT),
    T.RECURRING_PAYMENT: (OUT, OUT),
    T.WITHDRAWAL: (STILL, IN),
    T.TRANSFER: (STILL, IN),
    T.UTILITY_PAYMENT: (STILL, IN),
}
"""The same of a refund, by what it gives back."""


def says(expected: tuple[str, str], type: TransactionType, **more: Any) -> None:
    waits, done = expected
    for status in (DONE, TransactionStatus.REFUNDED):
        assert passed(movement(type, status, **more)) == done
    for status in OPEN:
        assert passed(movement(type, status, **more)) == waits
    for nothing in (TransactionStatus.FAILED, TransactionStatus.CANCELLED):
        assert passed(movement(type, nothing, **more)) == STILL


@pytest.mark.parametrize("type", TransactionType)
@pytest.mark.parametrize("purpose", Purpose)
def test_of_each_type_and_purpose(type: TransactionType, purpose: Purpose) -> None:
    says(WRITTEN.get((type, purpose), (STILL, STILL)), type, purpose=purpose)


@pytest.mark.parametrize("of", TransactionType)
def test_a_refund_by_what_it_gives_back(of: TransactionType) -> None:
    says(GIVEN_BACK.get(of, (STILL, STILL)), T.REFUND, purpose=P.REFUND, refunded_type=of)
    says((STILL, STILL), T.CREDIT, purpose=P.REFUND, refunded_type=of)


def test_what_somebody_bore_of_a_chargeback_is_not_taken_twice() -> None:
    number = borne_number("77", 1)
    says((STILL, STILL), T.REFUND, purpose=P.REFUND, refunded_type=T.DEPOSIT, provider_reference=number)


def test_what_a_provider_kept_went_and_is_not_taken_for_it_by_its_name() -> None:
    says((STILL, OUT), T.TRANSFER, purpose=P.FEES, description=FEES_KEPT)
    says((STILL, IN), T.DEPOSIT, purpose=P.WALLET, description=FEES_KEPT)


def test_in_the_list_and_on_its_own_page() -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    ada.open("/office/transactions/")
    rows = {row.split('class="name"')[1].split(">")[1].split("<")[0]: row for row in ada.text.split("<tr>")[2:]}
    assert "+<span" in rows["Hall"] and "−₦2,000,000" in rows["Diesel, January"] and "−" not in rows["Service charge"]
    ada.open(f"/office/transactions/{lived.payment}/")
    assert '<p class="big"><span class="incoming">+<span class="amount">₦2,000' in ada.text


def test_a_transfer_that_was_not_sent_is_not_on_its_way() -> None:
    assert "Not sent yet" in moving("transfer", "pending")
    assert "On its way" in moving("withdrawal", "pending")
    assert "Not sent yet" not in moving("transfer", "processing")
