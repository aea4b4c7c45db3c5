"""A payer's bank takes a payment back: booked once, borne by rule, and given back where it is won.

The provider keeps NGN 175.00 of NGN 5,000.00 and NGN 15.00 of NGN 1,000.00, which the estate bears before anything else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.bills import commands as bills
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as ledger_queries
from clustr.ledger.types import AccountKind
from clustr.payments.providers.port import ProviderRefused
from clustr.payments.types import PaymentErrorType
from clustr.settlement import commands
from clustr.settlement.commands.charging_back import hear_dispute
from clustr.wallets import commands as wallets
from sandbox import paying_out
from sandbox.records import Charge, Dispute
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.races import race
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import BANK
from tests.settlement.test_refunds import let_it_end, paid_bill, paid_deposit, refund, status_of

pytestmark = pytest.mark.usefixtures("books")


def complain(stage: Stage, payment: UUID, **more: Any) -> int:
    """The payer complains to their bank; answers the provider's number of it."""
    body = {"provider": stage.attempt(payment).provider, "reference": stage.attempt(payment).reference, **more}
    made: dict[str, int] = stage._control("POST", "/chargeback", body)
    return made["id"]


def decide(stage: Stage, dispute: int, resolution: str = "auto-accepted") -> None:
    stage._control("POST", f"/dispute/{dispute}", {"event": "resolve", "resolution": resolution})


def hear(stage: Stage, times: int = 1) -> None:
    for _ in range(times):
        for delivery in stage.sandbox.due_webhooks():
            for _again in range(3):
                stage.take(delivery)
            stage.sandbox.delivered(delivery, 200)


def owed(stage: Stage, kind: AccountKind = AccountKind.CHARGEBACKS) -> str:
    """What was taken back, or of another kind, and nobody has borne yet."""
    with tenant(stage.cast.cluster_id):
        account = ledger.open_account(kind=kind, currency="NGN")
        return str(naira("0.00") - ledger_queries.balance(account_id=account, currency="NGN"))


def night(stage: Stage) -> None:
    commands.reconcile(
        since=stage.now - timedelta(days=1),
        until=stage.now + timedelta(hours=1),
        now=stage.now,
        cluster_ids=stage.cluster_ids,
    )


def said(stage: Stage) -> list[tuple[str, str]]:
    return [(case.kind, case.facts.get("state", "")) for case in stage.cases()]


def test_it_works(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    hear(stage)
    assert said(stage) == [("chargeback", "open")]
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("5000.00", "paid")
    decide(stage, dispute)
    hear(stage)
    assert said(stage) == [("chargeback", "open"), ("chargeback", "taken")]
    assert status_of(stage, bill) == "acknowledged"
    assert stage.transaction(payment).status == "refunded"
    assert owed(stage) == "5000.00"
    assert stage.charge_fees() == "5000.00"
    assert (cluster_balance(cast.cluster_id), owed(stage), wallet_balance(cast.bola)) == ("0.00", "175.00", "0.00")


def test_flutterwave_tells_that_there_is_one_and_lists_what_it_is(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage, provider="flutterwave")
    dispute = complain(stage, payment)
    hear(stage)
    assert said(stage) == [("chargeback", "open")]
    assert (cluster_balance(cast.cluster_id), status_of(stage, bill)) == ("5000.00", "paid")
    decide(stage, dispute)
    hear(stage, times=2)
    assert said(stage) == [("chargeback", "open"), ("chargeback", "taken")]
    assert (status_of(stage, bill), stage.transaction(payment).status) == ("acknowledged", "refunded")
    assert owed(stage) == "5000.00"
    decide(stage, dispute, "declined")
    hear(stage)
    assert said(stage)[-1] == ("chargeback", "won")
    assert wallet_balance(cast.bola) == "5000.00"


def test_a_notice_of_a_chargeback_that_flutterwave_does_not_list_takes_nothing(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage, provider="flutterwave")
    hear_dispute(
        cluster_id=cast.cluster_id, transaction_id=payment, provider_name="flutterwave", dispute_id="77", now=stage.now
    )
    assert said(stage) == [("chargeback", "")]
    assert (cluster_balance(cast.cluster_id), owed(stage)) == ("5000.00", "0.00")


def test_a_part(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment, amount=200_000)
    decide(stage, dispute)
    hear(stage)
    stage.confirm(payment)
    assert status_of(stage, bill) == "partially_paid"
    stage.charge_fees()
    assert cluster_balance(cast.cluster_id) == "2825.00"


def test_one_that_is_declined_takes_nothing(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    decide(stage, complain(stage, payment), "declined")
    hear(stage)
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id), owed(stage)) == ("paid", "5000.00", "0.00")


def test_what_the_estate_has_spent_is_owed_and_charged_later(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("4000.00"), description="Diesel", destination=BANK, now=stage.now
    )
    decide(stage, complain(stage, payment))
    hear(stage)
    assert stage.charge_fees() == "1000.00"
    assert (cluster_balance(cast.cluster_id), owed(stage)) == ("0.00", "4175.00")
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("4500.00"), description="Hall", source="Hire", now=stage.now
    )
    commands.charge_waiting_fees(now=stage.now)
    assert stage.charge_fees() == "4175.00"
    assert (cluster_balance(cast.cluster_id), owed(stage)) == ("325.00", "0.00")


def test_a_deposit_is_taken_from_the_wallet_and_the_estate_bears_the_rest(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    bill = issue(cast, "700.00")
    acknowledge(cast, cast.bola, bill)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now)
    decide(stage, complain(stage, deposit))
    hear(stage)
    assert (wallet_balance(cast.bola), owed(stage)) == ("0.00", "700.00")
    assert stage.transaction(deposit).refunded_minor == 30_000
    stage.charge_fees()
    assert (cluster_balance(cast.cluster_id), owed(stage)) == ("0.00", "15.00")


def test_a_frozen_wallet_gives_nothing(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    wallets.freeze_wallet(actor=cast.bola.actor, now=stage.now)
    decide(stage, complain(stage, deposit))
    hear(stage)
    with tenant(cast.cluster_id):
        assert owed(stage) == "1000.00"


def test_what_was_refunded_to_the_wallet_before_is_the_estates_loss(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    bills.refund_bill_payment(
        actor=cast.ada.actor, transaction_id=payment, amount=None, reason="Moved out", now=stage.now
    )
    decide(stage, complain(stage, payment))
    hear(stage)
    assert (wallet_balance(cast.bola), owed(stage)) == ("5000.00", "5000.00")


def test_won_after_it_was_taken_is_in_the_payers_wallet(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    decide(stage, dispute)
    hear(stage)
    stage.charge_fees()
    decide(stage, dispute, "declined")
    hear(stage, 2)
    assert (status_of(stage, bill), wallet_balance(cast.bola), owed(stage)) == ("acknowledged", "5000.00", "175.00")


def test_won_for_a_deposit_goes_back_to_who_bore_it(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage)
    bill = issue(cast, "700.00")
    acknowledge(cast, cast.bola, bill)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now)
    dispute = complain(stage, deposit)
    decide(stage, dispute)
    hear(stage)
    stage.charge_fees()
    assert cluster_balance(cast.cluster_id) == "0.00"
    decide(stage, dispute, "declined")
    hear(stage)
    stage.charge_fees()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id), owed(stage)) == ("300.00", "685.00", "0.00")


def test_with_every_webhook_lost_a_look_finds_it(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    decide(stage, complain(stage, payment))
    stage.confirm(payment)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")
    hear(stage)
    assert owed(stage) == "5000.00"


def test_whoever_gave_it_back_at_the_provider_it_is_booked(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    stage.wait(minutes=1)
    stage.confirm(payment)
    stage.confirm(payment)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_beside_a_refund_of_ours_only_the_rest_is_taken(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    refund(stage, payment, "2000.00")
    let_it_end(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference, "amount": 300_000})
    stage.wait(minutes=1)
    stage.confirm(payment)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "3000.00")


def test_of_twenty_who_hear_it_one_books_it(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    decide(stage, dispute)

    def tell() -> None:
        hear_dispute(
            cluster_id=cast.cluster_id,
            transaction_id=payment,
            provider_name="paystack",
            dispute_id=str(dispute),
            now=stage.now,
        )

    race([tell, lambda: stage.confirm(payment)] * 10).only()
    assert owed(stage) == "5000.00"
    decide(stage, dispute, "declined")
    race(tell).only()
    assert (wallet_balance(cast.bola), owed(stage)) == ("5000.00", "5000.00")


def test_reversed_while_a_dispute_is_open_is_taken_once(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment, reversed=True)
    stage.confirm(payment)
    assert (status_of(stage, bill), owed(stage)) == ("paid", "0.00"), "nothing is decided"
    decide(stage, dispute)
    hear(stage)
    stage.confirm(payment)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_a_dispute_lost_after_the_charge_was_given_back_takes_nothing_more(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    stage.wait(minutes=1)
    stage.confirm(payment)
    assert owed(stage) == "5000.00"
    decide(stage, complain(stage, payment))
    hear(stage)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")
    assert said(stage)[-1] == ("chargeback", "taken_before")


def test_beside_what_was_given_back_a_lost_dispute_takes_the_rest(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    refund(stage, payment, "2000.00")
    let_it_end(stage)
    decide(stage, complain(stage, payment))
    hear(stage)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "3000.00")


def test_lost_again_after_it_was_won_is_taken_again(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    decide(stage, dispute)
    hear(stage)
    decide(stage, dispute, "declined")
    hear(stage)
    assert owed(stage) == "5000.00"
    decide(stage, complain(stage, payment))
    hear(stage)
    assert owed(stage) == "10000.00"


def test_won_gives_back_what_was_booked_for_the_charge(stage: Stage, cast: Cast) -> None:
    """Taken as a reversal that nobody explained; the dispute behind it shows when it is won."""
    _, payment = paid_bill(stage)
    hear(stage)
    charge = stage.sandbox.world.store.known(Charge, int(stage.settlements()[0].provider_id))
    charge.status = "reversed"
    stage.confirm(payment)
    assert owed(stage) == "5000.00"
    decide(stage, complain(stage, payment), "declined")
    assert charge.status == "success"
    hear(stage)
    assert (wallet_balance(cast.bola), said(stage)[-1]) == ("5000.00", ("chargeback", "won"))


def test_won_gives_back_nothing_of_what_the_estate_refunded(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    stage.wait(minutes=1)
    stage.confirm(payment)
    dispute = complain(stage, payment)
    decide(stage, dispute, "declined")
    stage.sandbox.world.store.known(Charge, int(stage.settlements()[0].provider_id)).status = "reversed"
    hear(stage)
    assert (wallet_balance(cast.bola), owed(stage)) == ("0.00", "5000.00")


def test_a_refund_at_the_dashboard_is_learnt_from_its_notice(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    stage.wait(minutes=1)
    hear(stage, 3)
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_what_was_given_back_before_we_heard_of_it_costs_its_fee_once(stage: Stage, cast: Cast) -> None:
    """The provider keeps it, and so the estate bears it; also where the money counts again later."""
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"
    for _ in range(2):
        assert stage.confirm(checkout).status == "failed"
        assert (wallet_balance(cast.bola), owed(stage, AccountKind.PROVIDER_FEES)) == ("0.00", "175.00")
    assert said(stage) == [("chargeback", "")]
    charge.status = "success"
    for _ in range(2):
        night(stage)
        assert (wallet_balance(cast.bola), owed(stage, AccountKind.PROVIDER_FEES)) == ("5000.00", "175.00")


def test_what_the_payer_bore_and_had_not_back_costs_the_estate_nothing(stage: Stage, cast: Cast) -> None:
    """The payer paid the fee on top, and too much; their bank took what they paid without it: the provider keeps nothing of ours."""
    stage.dial(charge__payer_bears_fees=1.0)
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout, "too_much")
    decide(stage, complain(stage, checkout.transaction.id))
    held = paying_out.balance(stage.sandbox.world, provider="paystack", currency="NGN")
    assert stage.confirm(checkout).status == "failed"
    assert (held, owed(stage, AccountKind.PROVIDER_FEES)) == (paying_out.OPENING_BALANCE, "0.00")


def test_its_fee_is_the_fee_of_what_it_becomes_when_it_counts_again(stage: Stage, cast: Cast) -> None:
    """The bill was paid otherwise meanwhile: the money goes to its payer's wallet, and the provider kept one fee."""
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"
    stage.confirm(checkout)
    fund(cast, cast.bola, "5000.00")
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=stage.now)
    charge.status = "success"
    night(stage)
    assert wallet_balance(cast.bola) == "5000.00"
    assert owed(stage, AccountKind.PROVIDER_FEES) == "175.00"


def test_a_part_of_the_fee_makes_way_for_the_whole(stage: Stage, cast: Cast) -> None:
    """Less went back than came, within the fee; then the bank changed its mind."""
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout)
    dispute = complain(stage, checkout.transaction.id, amount=490_000)
    decide(stage, dispute)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"
    stage.confirm(checkout)
    assert owed(stage, AccountKind.PROVIDER_FEES) == "75.00"
    decide(stage, dispute, "declined")
    charge.status = "success"
    night(stage)
    assert (wallet_balance(cast.bola), owed(stage, AccountKind.PROVIDER_FEES)) == ("5000.00", "175.00")


def test_a_try_that_was_declined_and_then_paid_and_given_back_costs_its_fee(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout, "insufficient_funds")
    assert stage.confirm(checkout).status == "failed"
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"
    stage.confirm(checkout)
    for _ in range(2):
        assert (wallet_balance(cast.bola), owed(stage, AccountKind.PROVIDER_FEES)) == ("0.00", "175.00")
        night(stage)


def test_a_provider_that_lists_no_disputes_does_not_keep_it_unknown(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"

    def refuse(**_: object) -> None:
        raise ProviderRefused(PaymentErrorType.PROVIDER_ERROR, "no access", http_status=403)

    monkeypatch.setattr(stage.registry.named("paystack"), "disputes_of", refuse)
    assert stage.confirm(checkout).status == "failed"
    assert owed(stage, AccountKind.PROVIDER_FEES) == "175.00"


def test_what_is_said_of_another_mode_costs_nothing(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "5000.00")
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.all(Charge)
    charge.status = "reversed"
    stage.dial(verify__wrong_domain=1)
    stage.confirm(checkout)
    assert owed(stage, AccountKind.PROVIDER_FEES) == "0.00"


def test_what_came_back_in_part_is_for_a_person(stage: Stage, cast: Cast) -> None:
    """A taking goes back whole or not at all: of which part of the bill it was, nobody says."""
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    decide(stage, dispute)
    hear(stage)
    assert owed(stage) == "5000.00"
    stage.sandbox.world.store.known(Dispute, dispute).amount = 300_000
    stage.wait(minutes=1)
    again(stage, dispute, payment)
    assert said(stage)[-1] == ("chargeback", "came_back_in_part")
    assert (status_of(stage, bill), owed(stage)) == ("acknowledged", "5000.00")


def test_a_dispute_of_a_charge_that_nobody_booked_is_for_a_person(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    stage.sandbox.world.store.known(Dispute, dispute).charge_id = other_charge(stage)
    again(stage, dispute, payment)
    assert said(stage) == [("chargeback", "open")]
    assert (cluster_balance(cast.cluster_id), owed(stage)) == ("5000.00", "0.00")


def again(stage: Stage, dispute: int, payment: UUID) -> None:
    hear_dispute(
        cluster_id=stage.cast.cluster_id,
        transaction_id=payment,
        provider_name="paystack",
        dispute_id=str(dispute),
        now=stage.now,
    )


def other_charge(stage: Stage) -> int:
    """One that was paid at the provider and not heard of here."""
    checkout = stage.deposit(stage.cast.bola)
    stage.end(checkout)
    reference = checkout.transaction.reference.lower()
    return next(charge.id for charge in stage.sandbox.world.store.all(Charge) if charge.reference.lower() == reference)
