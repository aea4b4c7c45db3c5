"""A recurring payment from a saved card: charged once a period, and what became of the charge ends its run."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.providers import paystack
from clustr.payments.refusals import PaymentMethodNotFound
from clustr.payments.states import Purpose
from clustr.recurring import commands
from clustr.recurring.refusals import CardExpired, PaymentMethodMissing
from clustr.recurring.shortfalls import my_shortfalls
from clustr.recurring.types import OrderChanges, PaymentSource, Processed
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PinRequired
from tests.bills.acts import pay as pay_by_hand
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.recurring.acts import order_of, process, runs, stored
from tests.recurring.cards import DUE, SERVICE, by_card, charges, owes, run, saved, states, told
from tests.settlement.stage import PROVIDERS, Stage, stage

__all__ = ["stage"]
pytestmark = pytest.mark.usefixtures("books")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    order = by_card(stage, provider=provider)
    assert run(stage) == Processed(charging=1)
    assert states(cast, order) == [("completed", "", 1)]
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "1000.00")
    kept = stored(cast, order)
    assert (kept.state, kept.next_period, kept.charging_id, kept.failed_attempts) == ("active", 1, None, 0)
    assert kept.next_run_at == cast.now + timedelta(hours=1) + (kept.schedule.due_at(1) - kept.schedule.due_at(0))
    [(event, body)] = told(cast, stage.now)
    assert (event, "has paid ₦1,000.00" in body) == ("processed", True)
    assert told(cast, stage.now) == [(event, body)]
    stage.hooks()
    stage.confirm(charges(stage)[0])
    assert run(stage) == Processed()
    assert cluster_balance(cast.cluster_id) == "1000.00"


def test_what_an_earlier_order_pays_is_not_missing_for_the_next(stage: Stage) -> None:
    cast = stage.cast
    owes(cast, "1000.00")
    first, second = (
        order_of(cast, "700.00", bill_type=SERVICE, start_date=cast.now + timedelta(hours=hours)) for hours in (2, 3)
    )

    def lacking() -> dict[UUID, str]:
        with tenant(cast.cluster_id):
            short = my_shortfalls(actor=cast.bola.actor, now=cast.now)
        return {id: str(each.money) for id, each in short.items()}

    assert lacking() == {first: "700.00", second: "300.00"}
    by_card(stage, "600.00", bill_type=SERVICE)
    assert lacking() == {first: "300.00"}, "less what filling it with the card left there"


def test_bills_of_a_type_the_oldest_first_up_to_the_maximum(stage: Stage, cast: Cast) -> None:
    later, first = (owes(cast, "700.00", due_date=cast.now + timedelta(days=days)) for days in (9, 5))
    issue(cast, "50.00", due_date=cast.now + timedelta(days=4))  # not acknowledged
    order = by_card(stage, "600.00", bill_type=SERVICE, max_amount=naira("1000.00"))
    run(stage)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "1000.00")
    [made] = runs(cast, order)
    assert (made.state, made.amount_minor) == ("completed", 1000_00)
    with tenant(cast.cluster_id):
        paid = Transaction.objects.filter(purpose=Purpose.BILL, user_id=cast.bola.user_id)
        assert {row.subject_id: row.amount_minor for row in paid} == {first: 700_00, later: 300_00}


def test_nothing_open_is_no_charge(stage: Stage, cast: Cast) -> None:
    issue(cast, "50.00")
    order = by_card(stage, bill_type=SERVICE)
    assert run(stage) == Processed(nothing_due=1)
    assert (charges(stage), states(cast, order)) == ([], [("nothing_due", "", 1)])


def test_what_was_paid_by_hand_meanwhile_stays_in_the_wallet(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "800.00")
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "500.00")
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    run(stage)
    pay_by_hand(cast, cast.bola, bill, "500.00")
    stage.wait(minutes=10)
    stage.sweep()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("600.00", "800.00")
    assert [(made.state, made.amount_minor) for made in runs(cast, order)] == [("completed", 300_00)]
    events = dict(told(cast, stage.now))
    assert events["payment_kept_in_wallet"].startswith("₦500.00 that you paid could not be used")
    assert "has paid ₦300.00" in events["processed"]


def test_what_was_agreed_to_meanwhile_is_not_paid_with_what_is_in_the_wallet(stage: Stage, cast: Cast) -> None:
    first = owes(cast, "80.00")
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    run(stage)
    owes(cast, "90.00", due_date=cast.now + timedelta(days=40))
    stage.wait(minutes=10)
    stage.sweep()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "80.00")
    with tenant(cast.cluster_id):
        assert Transaction.objects.get(purpose=Purpose.BILL, user_id=cast.bola.user_id).subject_id == first
    assert states(cast, order) == [("completed", "", 1)]


def test_a_bill_paid_whole_by_hand_leaves_all_of_it_in_the_wallet(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "80.00")
    acknowledge(cast, cast.bola, bill)
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    run(stage)
    pay_by_hand(cast, cast.bola, bill)
    stage.wait(minutes=10)
    stage.sweep()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "80.00")
    assert states(cast, order) == [("nothing_due", "", 1)]


def test_a_wallet_frozen_meanwhile_keeps_it_and_one_frozen_before_is_not_charged_for(stage: Stage, cast: Cast) -> None:
    owes(cast, "80.00")
    order = by_card(stage, bill_type=SERVICE)
    stage.dial(charge__pending=1.0)
    run(stage)
    wallets.freeze_wallet(actor=cast.bola.actor, now=stage.now)
    stage.wait(minutes=10)
    stage.sweep()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("180.00", "0.00")
    assert run(stage, after=timedelta(days=32)) == Processed(retrying=1)
    assert states(cast, order) == [("nothing_due", "", 1), ("retrying", "account_frozen", 1)]


def test_a_decline_that_may_pass_climbs_the_ladder_as_one_run(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    for number, hours in enumerate((2, 8, 20), start=1):
        stage.dial(charge__challenge=1.0)
        assert run(stage, after=timedelta(hours=hours)) == Processed(charging=1)
        stage.heal()
        stage.end_reference("paystack", stage.transaction(charges(stage)[-1]).reference, "insufficient_funds")
        stage.confirm(charges(stage)[-1])
        assert states(cast, order) == [("retrying" if number < 3 else "failed", "card_not_covered", number)]
        assert run(stage, after=timedelta(hours=hours, minutes=30)) == Processed()
    assert (stored(cast, order).state, stored(cast, order).next_period) == ("paused", 1)
    assert (len(charges(stage)), cluster_balance(cast.cluster_id)) == (3, "0.00")


@pytest.mark.parametrize(
    ("outcome", "failure", "state", "words"),
    [
        ("insufficient_funds", "card_not_covered", "retrying", "not enough money on your card"),
        ("declined", "card_declined", "failed", "your bank declined the card"),
        ("expired_card", "card_expired", "failed", "your card has expired"),
    ],
)
def test_each_decline_is_told_plainly(
    stage: Stage, cast: Cast, outcome: str, failure: str, state: str, words: str
) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    stage.end_reference("paystack", stage.transaction(charges(stage)[0]).reference, outcome)
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [(state, failure, 1)]
    event, body = told(cast, stage.now)[-1]
    assert event == ("failed" if state == "retrying" else "paused")
    assert words in body and "What you can do:" in body
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_retried_run_is_paid_in_the_end(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__timeout_before=1.0)
    run(stage)
    stage.heal()
    for _ in range(6):
        stage.wait(minutes=10)
        stage.sweep()
    assert states(cast, order) == [("retrying", "provider_trouble", 1)]
    run(stage, after=timedelta(hours=12))
    assert states(cast, order) == [("completed", "", 2)]
    assert cluster_balance(cast.cluster_id) == "1000.00"
    assert [event for event, _ in told(cast, stage.now)] == ["processed"]


@pytest.mark.parametrize("fault", ["timeout_after", "html_after"])
def test_what_is_not_known_waits_and_is_never_charged_again(stage: Stage, cast: Cast, fault: str) -> None:
    order = by_card(stage)
    stage.dial(**{f"charge__{fault}": 1.0, "verify__timeout_before": 1.0})
    run(stage)
    for days in (1, 33, 65):
        assert run(stage, after=timedelta(days=days)) == Processed()
        stage.sweep()
    assert (states(cast, order), len(charges(stage))) == ([("charging", "", 1)], 1)
    stage.heal()
    stage.wait(days=1)
    stage.sweep()
    assert states(cast, order) == [("completed", "", 1)]
    assert run(stage, after=timedelta(days=67)) == Processed(charging=1)
    assert cluster_balance(cast.cluster_id) == "2000.00"


def test_a_card_that_wants_its_owner_asks_them_and_is_paid_when_they_confirm(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    [(event, body)] = told(cast, stage.now)
    assert (event, stage.attempt(charges(stage)[0]).checkout_url in body) == ("to_confirm", True)
    stage.end_reference("paystack", stage.transaction(charges(stage)[0]).reference)
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("completed", "", 1)]


def test_what_nobody_confirms_is_tried_again(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    stage.wait(hours=25)
    stage.sweep()
    assert states(cast, order) == [("retrying", "card_not_confirmed", 1)]
    assert "was not confirmed with your bank" in told(cast, stage.now)[-1][1]


def lower(stage: Stage, order: UUID) -> None:
    """From NGN 1,000.00 to NGN 200.00."""
    bola = stage.cast.bola
    commands.edit_recurring_payment(
        actor=bola.actor,
        recurring_payment_id=order,
        changes=OrderChanges(amount=naira("200.00")),
        authorization=no_pin(bola),
        now=stage.now,
    )


def test_late_money_pays_the_run_that_is_retried_and_is_not_asked_for_again(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    reference = stage.transaction(charges(stage)[0]).reference
    stage.end_reference("paystack", reference, "insufficient_funds")
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("retrying", "card_not_covered", 1)]
    stage.end_reference("paystack", reference)
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("completed", "", 1)]
    assert run(stage, after=timedelta(days=2)) == Processed()
    assert cluster_balance(cast.cluster_id) == "1000.00"


def test_late_money_of_a_run_that_went_on_without_it_is_in_the_wallet(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    reference = stage.transaction(charges(stage)[0]).reference
    stage.end_reference("paystack", reference, "insufficient_funds")
    stage.confirm(charges(stage)[0])
    run(stage, after=timedelta(hours=12))
    assert states(cast, order) == [("completed", "", 2)]
    stage.end_reference("paystack", reference)
    stage.confirm(charges(stage)[0])
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("1100.00", "1000.00")
    assert dict(told(cast, stage.now))["payment_kept_in_wallet"].startswith("₦1,000.00")


def test_late_money_above_what_was_lowered_before_the_next_try_is_in_the_wallet(stage: Stage, cast: Cast) -> None:
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    reference = stage.transaction(charges(stage)[0]).reference
    stage.end_reference("paystack", reference, "insufficient_funds")
    stage.confirm(charges(stage)[0])
    lower(stage, order)
    stage.end_reference("paystack", reference)
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("retrying", "card_not_covered", 1)]
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("1100.00", "0.00")


def test_late_money_above_what_is_let_now_is_in_the_wallet(stage: Stage, cast: Cast) -> None:
    """The most was lowered, and tried again in vain, before the first charge was paid after all."""
    order = by_card(stage)
    stage.dial(charge__challenge=1.0)
    run(stage)
    reference = stage.transaction(charges(stage)[0]).reference
    stage.end_reference("paystack", reference, "insufficient_funds")
    stage.confirm(charges(stage)[0])
    lower(stage, order)
    run(stage, after=timedelta(hours=12))
    stage.heal()
    again = stage.transaction(charges(stage)[1])
    stage.end_reference("paystack", again.reference, "insufficient_funds")
    stage.confirm(again.id)
    stage.end_reference("paystack", reference)
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("retrying", "card_not_covered", 2)]
    assert wallet_balance(cast.bola) == "1100.00"
    run(stage, after=timedelta(days=2))
    assert states(cast, order) == [("completed", "", 3)]
    assert cluster_balance(cast.cluster_id) == "200.00"


def test_less_than_was_asked_is_in_the_wallet_and_the_order_pauses(stage: Stage, cast: Cast) -> None:
    order = by_card(stage, provider="flutterwave")
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    stage.end_reference("flutterwave", stage.transaction(charges(stage)[0]).reference, "partly")
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("failed", "charged_in_part", 1)]
    assert (stored(cast, order).state, cluster_balance(cast.cluster_id)) == ("paused", "0.00")
    assert wallet_balance(cast.bola) != "100.00"


def test_a_card_removed_before_or_while_it_is_charged_or_expired_pauses_and_says_so(stage: Stage, cast: Cast) -> None:
    card = saved(stage)
    first, second = by_card(stage, card=card), by_card(stage, card=saved(stage, "flutterwave"))
    third = by_card(stage, card=card, start_date=cast.now + timedelta(days=33))
    stage.clock.move(by=cast.now + DUE - stage.now)
    assert process(cast, now=stage.now).charging == 2
    payments.remove_method(actor=cast.bola.actor, method_id=card, now=stage.now)
    for id in charges(stage):
        settlement.charge_saved_card(cluster_id=cast.cluster_id, transaction_id=id, now=stage.now)
    assert states(cast, first) == [("failed", "card_removed", 1)]
    assert "you removed the card" in dict(told(cast, stage.now))["paused"]
    assert states(cast, second) == [("completed", "", 1)]
    with tenant(cast.cluster_id):
        SavedMethod.objects.filter(provider="flutterwave").update(expires_year=2020)
    assert run(stage, after=timedelta(days=33)) == Processed(failed=2)
    assert states(cast, second)[-1] == ("failed", "card_expired", 1)
    assert states(cast, third) == [("failed", "card_removed", 1)]
    assert len(charges(stage)) == 2, "a card that is gone is not even asked for"
    with pytest.raises(CardExpired):
        by_card(stage, card=stored(cast, second).method_id)


def test_another_card_is_put_in_its_place_and_it_goes_on(stage: Stage, cast: Cast) -> None:
    old = saved(stage)
    order = by_card(stage, card=old)
    payments.remove_method(actor=cast.bola.actor, method_id=old, now=stage.now)
    run(stage)
    assert charges(stage) == []
    new = saved(stage, "flutterwave")
    wallets.set_pin(actor=cast.bola.actor, pin="294817", old_pin=None, now=stage.now)
    edit = partial(
        commands.edit_recurring_payment,
        actor=cast.bola.actor,
        recurring_payment_id=order,
        changes=OrderChanges(payment_method_id=new),
        now=stage.now,
    )
    with pytest.raises(PinRequired):
        edit(authorization=no_pin(cast.bola))
    right = wallets.authorize_spend(actor=cast.bola.actor, pin="294817", now=stage.now)
    edit(authorization=right)
    commands.resume_recurring_payment(
        actor=cast.bola.actor, recurring_payment_id=order, authorization=right, now=stage.now
    )
    run(stage, after=timedelta(days=33))
    assert [state for state, _, _ in states(cast, order)] == ["failed", "completed"]


def test_who_may_name_which_card(stage: Stage, cast: Cast) -> None:
    card, neighbour = saved(stage), next(person for person in cast.residents if person is not cast.bola)
    terms: dict[str, Any] = {"payment_source": PaymentSource.CARD, "payment_method_id": card}
    with pytest.raises(PaymentMethodNotFound):
        order_of(cast, person=neighbour, **terms)
    for wrong in ({"payment_source": PaymentSource.CARD}, {"payment_method_id": card}):
        with pytest.raises(PaymentMethodMissing):
            order_of(cast, **wrong)
    from_wallet = order_of(cast)
    with pytest.raises(PaymentMethodMissing):
        commands.edit_recurring_payment(
            actor=cast.bola.actor,
            recurring_payment_id=from_wallet,
            changes=OrderChanges(payment_method_id=card),
            authorization=no_pin(cast.bola),
            now=cast.now,
        )
    payments.remove_method(actor=cast.bola.actor, method_id=card, now=cast.now)
    with pytest.raises(PaymentMethodNotFound):
        order_of(cast, **terms)


def test_less_than_the_card_service_takes_is_not_asked_for(stage: Stage, cast: Cast) -> None:
    """Paystack takes NGN 50.00 at least; what remains of a bill may be less, and the next period's is more."""
    order = by_card(stage, bill_type=SERVICE)
    owes(cast, "30.00", due_date=cast.now + timedelta(days=40))
    assert run(stage) == Processed(failed=1)
    assert states(cast, order) == [("failed", "card_too_little", 1)]
    kept = stored(cast, order)
    assert (kept.state, kept.next_period, kept.failed_attempts, kept.stopped_by) == ("active", 1, 0, "")
    [(event, body)] = told(cast, stage.now)
    assert (event, "it is less than the card service takes at once" in body) == ("failed", True)
    assert "Pay it from your wallet" in body
    assert "It goes on with its next turn, on " in body
    assert "is tried again" not in body
    assert charges(stage) == []
    owes(cast, "20.00", due_date=cast.now + timedelta(days=40))
    assert run(stage, after=timedelta(days=33)) == Processed(charging=1)
    assert states(cast, order)[-1] == ("completed", "", 1)


def test_more_than_the_card_service_takes_is_not_asked_for(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(paystack._MOST_MINOR, "NGN", 99_999)
    order = by_card(stage, bill_type=SERVICE)
    owes(cast, "5000.00")
    run(stage)
    assert (states(cast, order), charges(stage)) == ([("failed", "card_too_much", 1)], [])
    assert "more than the card service takes at once" in dict(told(cast, stage.now))["failed"]


def test_a_contribution_that_is_never_enough_pauses(stage: Stage, cast: Cast) -> None:
    order = by_card(stage, "30.00")
    assert run(stage) == Processed(failed=1)
    assert (states(cast, order), stored(cast, order).state) == ([("failed", "card_too_little", 1)], "paused")
    assert "is less than the card service takes" in dict(told(cast, stage.now))["paused"]
    assert charges(stage) == []


def test_the_fee_that_a_payer_bears_counts_towards_what_is_taken(stage: Stage, cast: Cast) -> None:
    order = by_card(stage, bill_type=SERVICE)
    owes(cast, "49.50")
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)
    assert run(stage) == Processed(charging=1)
    assert states(cast, order) == [("completed", "", 1)]


def test_a_retried_run_of_which_little_is_left_ends(stage: Stage, cast: Cast) -> None:
    order = by_card(stage, bill_type=SERVICE)
    bill = issue(cast, "1000.00")
    acknowledge(cast, cast.bola, bill)
    stage.dial(charge__challenge=1.0)
    run(stage)
    stage.heal()
    stage.end_reference("paystack", stage.transaction(charges(stage)[0]).reference, "insufficient_funds")
    stage.confirm(charges(stage)[0])
    assert states(cast, order) == [("retrying", "card_not_covered", 1)]
    fund(cast, cast.bola, "970.00")
    pay_by_hand(cast, cast.bola, bill, "970.00")
    run(stage, after=timedelta(hours=12))
    assert states(cast, order) == [("failed", "card_too_little", 2)]
    assert stored(cast, order).failed_attempts == 0
