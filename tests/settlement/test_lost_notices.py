"""What a provider took back, or gave back again, without ClustR hearing of it: the nightly comparison finds it, long
after the payment too; and what somebody gave back at the provider, beside ClustR."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.settlement import commands
from tests.cast import Cast
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_chargebacks import complain, decide, hear, owed, said
from tests.settlement.test_refunds import paid_bill, refund, send, status_of

pytestmark = pytest.mark.usefixtures("books")


def a_night(stage: Stage) -> None:
    """The nightly comparison, of the last three days."""
    commands.reconcile(
        since=stage.now - timedelta(days=3),
        until=stage.now + timedelta(seconds=1),
        now=stage.now,
        cluster_ids=stage.cluster_ids,
    )


def give_back_by_hand(stage: Stage, payment: UUID) -> int:
    """Somebody gives the whole of it back at Paystack; answers the number of the refund there."""
    asked: dict[str, Any] = stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    return int(asked["data"]["id"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_taken_and_given_back_long_after_the_payment(stage: Stage, cast: Cast, provider: str) -> None:
    stage.dial(webhook__drop=1.0)
    bill, payment = paid_bill(stage, provider=provider)
    dispute = complain(stage, payment)
    stage.wait(days=8)
    decide(stage, dispute)
    for _ in range(2):
        a_night(stage)
        assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")
    decide(stage, dispute, "declined")
    for _ in range(2):
        a_night(stage)
        assert (wallet_balance(cast.bola), owed(stage)) == ("5000.00", "5000.00")
    assert said(stage) == [("chargeback", "taken"), ("chargeback", "won")]


def test_what_is_given_back_by_hand_is_taken_once_it_went(stage: Stage, cast: Cast) -> None:
    stage.dial(webhook__drop=1.0)
    bill, payment = paid_bill(stage)
    number = give_back_by_hand(stage, payment)
    a_night(stage)
    assert (status_of(stage, bill), owed(stage)) == ("paid", "0.00"), "it may still fail"
    stage._control("POST", f"/refund/{number}", {"status": "processed"})
    for _ in range(2):
        a_night(stage)
        assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_a_notice_of_it_is_enough(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    hear(stage)
    number = give_back_by_hand(stage, payment)
    hear(stage)
    assert (status_of(stage, bill), owed(stage)) == ("paid", "0.00"), "it may still fail"
    stage._control("POST", f"/refund/{number}", {"status": "processed"})
    hear(stage)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_by_hand_goes_back_what_the_payer_paid_for_the_fee_too(stage: Stage, cast: Cast) -> None:
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=stage.now)
    bill, payment = paid_bill(stage)
    (charge,) = (row for row in stage._control("GET", "/state")["charge"] if row["paid"])
    assert charge["paid"] > 500_000
    give_back_by_hand(stage, payment)
    stage.wait(minutes=1)
    stage.confirm(payment)
    assert status_of(stage, bill) == "acknowledged"
    assert owed(stage) == f"{charge['paid'] / 100:.2f}"


def test_by_hand_while_a_refund_of_ours_waits_is_booked_once_that_is_decided(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    ours = refund(stage, payment, "2000.00")
    give_back_by_hand(stage, payment)
    stage.confirm(payment)
    assert owed(stage) == "0.00"
    assert send(stage, ours) == "failed"
    stage.wait(hours=1)
    stage.sweep()
    assert (owed(stage), stage.transaction(payment).status) == ("5000.00", "refunded")
