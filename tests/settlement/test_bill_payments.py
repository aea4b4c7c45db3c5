"""A bill paid through a provider: judged when it is started, and once more when the money arrived."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.queries import bill_visible_to
from clustr.bills.refusals import AmountExceedsRemaining, BillNotAcknowledged, BillNotFound
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.settlement.refusals import PaymentUnderWay
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.notifications.acts import told
from tests.settlement.stage import PROVIDERS, Stage

pytestmark = pytest.mark.usefixtures("books")


def status(cast: Cast, person: Person, bill_id: object) -> str:
    with tenant(cast.cluster_id):
        return bill_visible_to(actor=person.actor, bill_id=bill_id, now=cast.now).status  # type: ignore[arg-type]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id, provider=provider)
    stage.end(checkout)
    stage.hooks()
    assert stage.transaction(checkout.transaction.id).status == "completed"
    assert status(cast, cast.bola, bill.id) == "paid"
    assert wallet_balance(cast.bola) == "0.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"
    (settled,) = stage.settlements()
    stage.charge_fees()
    assert cluster_balance(cast.cluster_id) == str(naira("5000.00") - type(naira("1"))(settled.fee_minor, "NGN"))


def test_a_part_is_a_part(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id, "2000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    assert status(cast, cast.bola, bill.id) == "partially_paid"


def test_the_office_counts_what_came_in_and_who_has_paid(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    payers = (cast.bola, cast.residents[1])
    for payer, amount in zip(payers, (None, "2000.00"), strict=True):
        acknowledge(cast, payer, bill)
        checkout = stage.pay_bill(payer, bill.id, amount)
        stage.end(checkout)
        stage.confirm(checkout)
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (700_000, 1)
    checkout = stage.pay_bill(payers[1], bill.id)
    stage.end(checkout)
    stage.confirm(checkout)
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (1_000_000, 2)


def test_consent_comes_first(stage: Stage, cast: Cast) -> None:
    bill = issue(cast)
    with pytest.raises(BillNotAcknowledged):
        stage.pay_bill(cast.bola, bill.id)


def test_a_strangers_bill_is_not_there(stage: Stage, cast: Cast) -> None:
    with pytest.raises(BillNotFound):
        stage.pay_bill(cast.chidi, issue(cast).id)


def test_not_more_than_remains(stage: Stage, cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    with pytest.raises(AmountExceedsRemaining):
        stage.pay_bill(cast.bola, bill.id, "5000.01")


def changed(cast: Cast, bill: object) -> None:
    bills.edit_bill(
        actor=cast.ada.actor,
        bill_id=bill.id,  # type: ignore[attr-defined]
        changes=BillChanges(amount=naira("6000.00")),
        now=cast.now,
    )


def cancelled(cast: Cast, bill: object) -> None:
    bills.cancel_bill(
        actor=cast.ada.actor,
        bill_id=bill.id,  # type: ignore[attr-defined]
        reason="Wrong",
        refund_payers=True,
        now=cast.now,
    )


def paid_otherwise(cast: Cast, bill: object) -> None:
    fund(cast, cast.bola, "5000.00")
    bills.pay_bill(
        actor=cast.bola.actor,
        bill_id=bill.id,  # type: ignore[attr-defined]
        amount=None,
        authorization=no_pin(cast.bola),
        now=cast.now,
    )


@pytest.mark.parametrize("meanwhile", [changed, cancelled, paid_otherwise])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_money_for_what_changed_meanwhile_is_the_payers_own(
    stage: Stage, cast: Cast, provider: str, meanwhile: object
) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id, provider=provider)
    meanwhile(cast, bill)  # type: ignore[operator]
    stage.end(checkout)
    assert stage.confirm(checkout).status == "cancelled"
    assert wallet_balance(cast.bola) == "5000.00"
    assert len(told(cast.bola, NotificationEvents.PAYMENT_KEPT_IN_WALLET)) == 1


def test_money_for_the_terms_before_does_not_pay_those_agreed_to_since(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    changed(cast, bill)
    acknowledge(cast, cast.bola, bill)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "cancelled"
    assert wallet_balance(cast.bola) == "5000.00"


def test_a_dispute_opened_after_the_checkout_does_not_turn_the_money_away(stage: Stage, cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    bills.dispute_bill(actor=cast.bola.actor, bill_id=bill.id, reason="Too much", now=cast.now)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    assert status(cast, cast.bola, bill.id) == "paid"


def test_paid_in_time_counts_though_it_is_heard_of_late(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, due_date=cast.now + timedelta(hours=2))
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.wait(hours=1)
    stage.end(checkout)
    stage.wait(hours=3)
    assert stage.confirm(checkout).status == "completed"


def test_paid_after_it_was_due_goes_to_the_wallet(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, due_date=cast.now + timedelta(hours=2))
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.wait(hours=3)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "cancelled"
    assert wallet_balance(cast.bola) == "5000.00"


def test_two_checkouts_for_one_bill_pay_it_once(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    one = stage.pay_bill(cast.bola, bill.id, provider="paystack")
    other = stage.pay_bill(cast.bola, bill.id, provider="flutterwave")
    for checkout in (one, other):
        stage.end(checkout)
        stage.confirm(checkout)
    assert status(cast, cast.bola, bill.id) == "paid"
    assert wallet_balance(cast.bola) == "5000.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_no_second_payment_while_the_first_is_unknown(stage: Stage, cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.dial(verify__timeout_after=1.0)
    stage.confirm(checkout)
    with pytest.raises(PaymentUnderWay):
        stage.pay_bill(cast.bola, bill.id, provider="flutterwave")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_failed_by_a_time_out_at_a_bank_holds_up_the_bill_for_days_and_not_for_ever(
    stage: Stage, cast: Cast, provider: str
) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id, provider=provider)
    stage.end(checkout, "bank_unreachable")
    answer = stage._answer

    def time_out(request: httpx.Request) -> httpx.Response:
        body = answer(request).read()
        for word in (b"issuer_or_switch_inoperative", b"Issuer or switch inoperative", b"Issuer or Switch Inoperative"):
            body = body.replace(word, b"transaction_timeout" if b"_" in word else b"Transaction timed out")
        return httpx.Response(200, stream=httpx.ByteStream(body))

    stage._answer = time_out  # type: ignore[method-assign]
    stage.wait(days=3)
    assert stage.confirm(checkout).status == "unknown"
    with pytest.raises(PaymentUnderWay):
        stage.pay_bill(cast.bola, bill.id)
    stage.wait(days=1, hours=1)
    assert stage.confirm(checkout).status == "failed"
    stage._answer = answer  # type: ignore[method-assign]
    assert stage.pay_bill(cast.bola, bill.id, provider=provider).payment_url


def test_half_of_what_was_asked_is_the_payers_own(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.end(checkout, "partly")
    assert stage.confirm(checkout).status == "cancelled"
    assert wallet_balance(cast.bola) == "2500.00"
    assert status(cast, cast.bola, bill.id) == "acknowledged"
