"""A card's charge beside what others do meanwhile: pauses, departures, other charges, payments by hand, many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from clustr.bills.refusals import BillAlreadyPaid
from clustr.clusters import commands as clusters
from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.notifications.queries import my_notifications
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.refusals import TransactionNotRetryable
from clustr.payments.states import Purpose
from clustr.recurring.refusals import RecurringPaymentUnderWay
from clustr.recurring.types import Processed
from clustr.settlement import commands as settlement
from clustr.settlement.refusals import PaymentUnderWay
from tests.bills.acts import pay as pay_by_hand
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, issue, wallet_balance
from tests.races import one_after_the_other, race
from tests.recurring.acts import cancel, order_of, pause, process, resume, stored
from tests.recurring.cards import DUE, SERVICE, by_card, charges, owes, run, saved, states, told
from tests.settlement.stage import Stage, stage

__all__ = ["stage"]
pytestmark = pytest.mark.usefixtures("books")


def started(stage: Stage, bill_id: UUID) -> Transaction:
    """The payment on this bill that was begun with a provider."""
    with tenant(stage.cast.cluster_id):
        return Transaction.objects.get(subject_id=bill_id, purpose=Purpose.BILL, provider="paystack")


@pytest.mark.parametrize("act", [pause, cancel])
@pytest.mark.parametrize("outcome", ["success", "insufficient_funds"])
def test_stopped_while_it_is_charged_the_charge_still_ends_its_run(
    stage: Stage, cast: Cast, act: Callable[..., None], outcome: str
) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    act(cast, order, after=DUE)
    if act is pause:
        with pytest.raises(RecurringPaymentUnderWay):
            resume(cast, order, after=DUE)
    stage.end_reference("paystack", stage.transaction(charges(stage)[0]).reference, outcome)
    stage.confirm(charges(stage)[0])
    paid = outcome == "success"
    assert states(cast, order) == [("completed" if paid else "stopped", "", 1)]
    assert cluster_balance(cast.cluster_id) == ("1000.00" if paid else "0.00")
    kept = stored(cast, order)
    assert (kept.charging_id, kept.next_run_at, kept.next_period) == (None, None, 1)
    if act is pause:
        resume(cast, order, after=timedelta(hours=5))


def test_a_member_who_left_is_not_charged(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    clusters.end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=cast.now, now=cast.now)
    assert run(stage) == Processed(stopped=1)
    assert (stored(cast, order).state, charges(stage)) == ("cancelled", [])


def test_two_orders_for_the_same_bills_charge_one_after_the_other(stage: Stage, cast: Cast) -> None:
    owes(cast, "800.00")
    card = saved(stage)
    orders = [by_card(stage, card=card, bill_type=SERVICE) for _ in range(2)]
    stage.dial(charge__pending=1.0)
    assert run(stage) == Processed(charging=1, waiting=1)
    assert run(stage) == Processed()
    stage.wait(minutes=10)
    stage.sweep()
    assert run(stage, after=timedelta(hours=4)) == Processed(nothing_due=1)
    assert sorted(states(cast, order)[0][0] for order in orders) == ["completed", "nothing_due"]
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "800.00")


def test_a_bill_that_a_charge_may_pay_is_not_paid_through_a_provider_too(stage: Stage, cast: Cast) -> None:
    bill = owes(cast, "800.00")
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    run(stage)
    with pytest.raises(PaymentUnderWay):
        stage.pay_bill(cast.bola, bill, provider="flutterwave")
    stage.wait(minutes=10)
    stage.sweep()
    assert states(cast, order) == [("completed", "", 1)]


def test_a_bill_being_paid_through_a_provider_is_not_charged_for(stage: Stage, cast: Cast) -> None:
    bill = owes(cast, "800.00")
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__timeout_after=1.0)
    with pytest.raises(Refusal):
        stage.pay_bill(cast.bola, bill)
    stage.heal()
    assert run(stage) == Processed(waiting=1)
    assert states(cast, order) == []


def test_a_wallet_waits_for_a_card_that_was_charged_for_the_bill(stage: Stage, cast: Cast) -> None:
    """Paid from the wallet meanwhile, the bill would have been paid twice without anybody asking for it."""
    bill = owes(cast, "80.00")
    saved(stage)
    order = order_of(cast, "80.00", bill_type=SERVICE)
    stage.dial(charge__timeout_after=1.0)
    with pytest.raises(Refusal):
        stage.pay_bill(cast.bola, bill)
    stage.heal()
    assert run(stage) == Processed(waiting=1)
    assert (run(stage), states(cast, order), wallet_balance(cast.bola)) == (Processed(), [], "100.00")
    stage.end_reference("paystack", started(stage, bill).reference)
    stage.confirm(started(stage, bill).id)
    assert run(stage, after=timedelta(hours=3)) == Processed(nothing_due=1)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "80.00")


def test_a_wallet_waits_for_another_order_whose_card_is_being_charged(stage: Stage, cast: Cast) -> None:
    owes(cast, "80.00")
    by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    assert run(stage) == Processed(charging=1)
    others = [order_of(cast, "10.00"), order_of(cast, "80.00", bill_type=SERVICE)]
    assert process(cast, after=timedelta(hours=3)) == Processed(completed=1, waiting=1)
    assert [len(states(cast, order)) for order in others] == [1, 0]
    stage.wait(minutes=10)
    stage.sweep()
    assert process(cast, after=timedelta(hours=5)) == Processed(nothing_due=1)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("90.00", "90.00")


def test_whoever_bears_the_fee_is_charged_it_on_top(stage: Stage, cast: Cast) -> None:
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)
    order = by_card(stage)
    with tenant(cast.cluster_id):
        body = my_notifications(actor=cast.bola.actor, limit=1)[0].body
    assert "Your card is charged the payment provider's fee on top: ₦15.23 at most." in body
    run(stage)
    assert states(cast, order) == [("completed", "", 1)]
    assert stage.attempt(charges(stage)[0]).surcharge_minor == 15_23
    assert cluster_balance(cast.cluster_id) == "1000.00"
    assert "The payment provider's fee of ₦15.23 was charged on top." in told(cast, stage.now)[-1][1]


def test_a_failed_charge_is_not_tried_again_by_hand(stage: Stage, cast: Cast) -> None:
    by_card(stage)
    stage.dial(charge__decline=1.0)
    run(stage)
    with pytest.raises(TransactionNotRetryable):
        settlement.prepare_retry(actor=cast.bola.actor, transaction_id=charges(stage)[0], now=stage.now)


@pytest.mark.parametrize("_round", range(3))
def test_of_many_sweeps_and_charges_one_charge_is_made(stage: Stage, cast: Cast, _round: int) -> None:
    owes(cast, "800.00")
    card = saved(stage)
    for _ in range(2):
        by_card(stage, card=card, bill_type=SERVICE)
    stage.clock.move(by=cast.now + DUE - stage.now)
    race([partial(process, cast, now=stage.now) for _ in range(8)]).only()
    made = charges(stage)
    assert len(made) == 1

    def charge() -> None:
        settlement.charge_saved_card(cluster_id=cast.cluster_id, transaction_id=made[0], now=stage.now)

    works: list[Callable[[], object]] = [charge] * 4 + [partial(stage.confirm, made[0]) for _ in range(4)]
    race(works).only()
    stage.confirm(made[0])
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "800.00")


def test_who_pauses_and_what_becomes_of_the_charge_wait_for_each_other(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    charge = charges(stage)[0]
    stage.end_reference("paystack", stage.transaction(charge).reference)
    ended, waited = one_after_the_other(
        cast.cluster_id, partial(pause, cast, order, after=DUE), partial(stage.confirm, charge)
    )
    ended.only()
    assert waited
    kept = stored(cast, order)
    assert (kept.state, kept.next_run_at, kept.charging_id) == ("paused", None, None)
    assert states(cast, order) == [("completed", "", 1)]


@pytest.mark.parametrize("_round", range(3))
def test_the_outcome_beside_a_pause_a_removed_card_and_a_payment_by_hand(stage: Stage, cast: Cast, _round: int) -> None:
    bill = issue(cast, "80.00")
    acknowledge(cast, cast.bola, bill)
    card = saved(stage)
    order = by_card(stage, card=card, bill_type=SERVICE)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    stage.end_reference("paystack", stage.transaction(charges(stage)[0]).reference)
    bola: Person = cast.bola
    works: list[Callable[[], object]] = [partial(stage.confirm, charges(stage)[0]) for _ in range(4)]
    works.append(partial(pause, cast, order, after=DUE))
    works.append(partial(pay_by_hand, cast, bola, bill))
    works.append(partial(payments.remove_method, actor=bola.actor, method_id=card, now=stage.now))
    race(works).only(BillAlreadyPaid)
    assert (wallet_balance(bola), cluster_balance(cast.cluster_id)) == ("100.00", "80.00")
    assert states(cast, order)[0][0] in ("completed", "nothing_due")
