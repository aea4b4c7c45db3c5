"""Paying a bill from the wallet."""

from __future__ import annotations

import pytest

from clustr.bills import commands as bills
from clustr.bills.types import MemberStatus
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    fund(cast, cast.bola, "8000.00")
    acknowledge(cast, cast.bola, bill)

    transaction, paid = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=naira("2000.00"), authorization=no_pin(cast.bola), now=cast.now
    )

    assert str(transaction.amount) == "2000.00"
    assert paid.status is MemberStatus.PARTIALLY_PAID
    _, paid = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now
    )
    assert paid.status is MemberStatus.PAID
    assert str(paid.amount_remaining) == "0.00"
    assert wallet_balance(cast.bola) == "3000.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"
