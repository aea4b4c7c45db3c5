"""Which way money went stands before an amount, wherever the office looks at a movement; nothing where nothing moved."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.kit.ids import new_id
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.wallets.types import WON_BACK
from clustr.web.templatetags.office import passed
from tests.money import naira
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import make_lived

AMOUNT = '<span class="amount">{}₦700<span class="minor">.00</span></span>'
IN, OUT, STILL = f'<span class="incoming">+{AMOUNT.format("")}</span>', AMOUNT.format("−"), AMOUNT.format("")
DONE, WAITS = TransactionStatus.COMPLETED, TransactionStatus.PENDING


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


@pytest.mark.parametrize(
    ("type", "done", "waits"),
    [
        (TransactionType.DEPOSIT, IN, STILL),
        (TransactionType.BILL_PAYMENT, IN, STILL),
        (TransactionType.RECURRING_PAYMENT, IN, STILL),
        (TransactionType.CREDIT, IN, STILL),
        (TransactionType.REFUND, OUT, STILL),
        (TransactionType.WITHDRAWAL, OUT, OUT),
        (TransactionType.UTILITY_PAYMENT, OUT, OUT),
        (TransactionType.TRANSFER, OUT, OUT),
    ],
)
def test_of_each_type(type: TransactionType, done: str, waits: str) -> None:
    assert passed(movement(type, DONE)) == done
    assert passed(movement(type, TransactionStatus.REFUNDED)) == done
    assert passed(movement(type, WAITS)) == waits
    for nothing in (TransactionStatus.FAILED, TransactionStatus.CANCELLED):
        assert passed(movement(type, nothing)) == STILL


def test_a_chargeback_that_was_won_comes_in_and_is_not_taken_for_it_by_its_name() -> None:
    assert passed(movement(TransactionType.TRANSFER, DONE, purpose=Purpose.FEES, description=WON_BACK)) == IN
    assert passed(movement(TransactionType.TRANSFER, DONE, purpose=Purpose.PAYOUT, description=WON_BACK)) == OUT


def test_in_the_list_and_on_its_own_page() -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    ada.open("/office/transactions/")
    rows = {row.split('class="name"')[1].split(">")[1].split("<")[0]: row for row in ada.text.split("<tr>")[2:]}
    assert "+<span" in rows["Hall"] and "−₦2,000,000" in rows["Diesel, January"] and "−" not in rows["Service charge"]
    ada.open(f"/office/transactions/{lived.payment}/")
    assert '<p class="big"><span class="incoming">+<span class="amount">₦2,000' in ada.text
