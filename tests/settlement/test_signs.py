"""What an office's list of transactions puts before each amount, where money goes and comes back: nothing counts twice."""

from __future__ import annotations

import pytest

from clustr.bills import commands as bills
from clustr.kit.tenancy import tenant
from clustr.payments.queries import TransactionFilter, transactions_of_cluster
from clustr.web.templatetags.office import passed
from tests.cast import Cast
from tests.money import acknowledge, issue, no_pin
from tests.settlement.stage import Stage
from tests.settlement.test_chargebacks import complain, decide, hear
from tests.settlement.test_payouts import AFTER_COOLING, _end_transfer, withdrawn
from tests.settlement.test_refunds import let_it_end, paid_deposit, refund, send

pytestmark = pytest.mark.usefixtures("books")


def signs(cast: Cast) -> list[tuple[str, str, str]]:
    """The oldest first: what each is, what it is for, and its sign."""
    with tenant(cast.cluster_id):
        rows = transactions_of_cluster(actor=cast.ada.actor, chosen=TransactionFilter())
    return [
        (row.type, row.purpose, "+" if ">+" in passed(row) else "-" if "−" in passed(row) else "") for row in rows[::-1]
    ]


def test_a_payout_that_bounced_comes_in(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    _end_transfer(stage, "reversed")
    stage.hooks()
    assert signs(cast)[1:] == [("withdrawal", "payout", "-"), ("refund", "refund", "+")]


def test_a_refund_to_the_source_goes_as_soon_as_it_is_asked_for(stage: Stage, cast: Cast) -> None:
    back = refund(stage, paid_deposit(stage), "400.00")
    assert signs(cast) == [("deposit", "wallet", "+"), ("refund", "refund", "-")]
    send(stage, back)
    let_it_end(stage)
    assert signs(cast) == [("deposit", "wallet", "+"), ("refund", "refund", "-")]


def test_a_chargeback_counts_once_and_so_does_its_return(stage: Stage, cast: Cast) -> None:
    dispute = complain(stage, paid_deposit(stage))
    bill = issue(cast, "700.00")
    acknowledge(cast, cast.bola, bill)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now)
    decide(stage, dispute)
    hear(stage)
    stage.charge_fees()
    taken = [
        ("deposit", "wallet", "+"),
        ("bill_payment", "bill", "+"),
        ("refund", "chargeback", "-"),
        ("refund", "refund", ""),
        ("transfer", "fees", "-"),
        ("transfer", "fees", ""),
    ]
    assert signs(cast) == taken, "what each bore stands beside what was taken, and the provider's fee beside both"
    decide(stage, dispute, "declined")
    hear(stage)
    stage.charge_fees()
    back = [("credit", "chargeback", "+"), ("credit", "chargeback", "+"), ("transfer", "fees", "")]
    assert signs(cast) == [*taken, *back], "in two parts, to those who bore it"
