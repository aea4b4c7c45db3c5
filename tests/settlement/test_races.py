"""Everybody at once: whoever hears of money, or is about to move it, does it as if alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.queries import bill_visible_to
from clustr.clusters.queries import system_actor
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Notice
from clustr.payments.providers.nouns import NotFoundYet
from clustr.payments.refusals import CaseClosed
from clustr.payments.states import CaseKind
from clustr.settlement import commands
from clustr.settlement.commands.paying_out import apply_payout_truth
from clustr.settlement.types import Checkout, Prepared
from clustr.wallets import commands as wallets
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, issue, naira, wallet_balance
from tests.pool import at
from tests.races import CROWD, race
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_limbo import unsent
from tests.settlement.test_payouts import AFTER_COOLING, _end_transfer, _transfers, withdrawn
from tests.web.asking import MY_WALLET
from tests.web.test_webhooks import notices, post

pytestmark = pytest.mark.usefixtures("books")


def confirm(stage: Stage, checkout: Checkout) -> None:
    commands.confirm_payment(cluster_id=stage.cast.cluster_id, transaction_id=checkout.transaction.id, now=stage.now)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_notice_return_verify_and_sweep_at_once_credit_it_once(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    (delivery,) = stage.sandbox.due_webhooks()
    assert post(delivery).status_code == 200
    (notice,) = notices(delivery)
    stage.wait(minutes=1)

    def verify() -> None:
        commands.verify_payment(actor=cast.bola.actor, reference=checkout.transaction.reference, now=stage.now)

    def hear() -> None:
        commands.handle_notice(notice_id=notice.id, now=stage.now)

    race([lambda: confirm(stage, checkout), verify, hear, stage.sweep] * (CROWD // 4)).only()
    assert wallet_balance(cast.bola) == "1000.00"
    assert len(stage.settlements()) == 1
    assert stage.cases() == []


def test_the_charges_of_two_providers_pay_a_bill_once(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkouts = [stage.pay_bill(cast.bola, bill.id, provider=provider) for provider in PROVIDERS]
    for checkout in checkouts:
        stage.end(checkout)
    race([lambda: confirm(stage, checkouts[0]), lambda: confirm(stage, checkouts[1])] * 6).only()
    assert sorted(stage.transaction(checkout.transaction.id).status for checkout in checkouts) == [
        "cancelled",
        "completed",
    ]
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("5000.00", "5000.00")


@pytest.mark.parametrize("office", ["edit", "cancel", "refund"])
@pytest.mark.parametrize("_again", range(3))
def test_the_office_acts_while_the_money_arrives(stage: Stage, cast: Cast, office: str, _again: int) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.end(checkout)

    def act() -> None:
        if office == "edit":
            changes = BillChanges(amount=naira("6000.00"))
            bills.edit_bill(actor=cast.ada.actor, bill_id=bill.id, changes=changes, now=cast.now)
        elif office == "cancel":
            bills.cancel_bill(actor=cast.ada.actor, bill_id=bill.id, reason="Wrong", refund_payers=True, now=cast.now)
        else:
            bills.refund_bill_payment(
                actor=cast.ada.actor,
                transaction_id=checkout.transaction.id,
                amount=naira("2000.00"),
                reason="Too much",
                now=cast.now,
            )

    race([act, *[lambda: confirm(stage, checkout)] * 5]).only(Refusal)
    confirm(stage, checkout)
    held = (wallet_balance(cast.bola), cluster_balance(cast.cluster_id))
    with tenant(cast.cluster_id):
        status = bill_visible_to(actor=cast.bola.actor, bill_id=bill.id, now=cast.now).status
    possible = {
        "edit": [(("0.00", "5000.00"), "paid"), (("5000.00", "0.00"), "pending_acknowledgment")],
        "cancel": [(("5000.00", "0.00"), "cancelled")],
        "refund": [(("0.00", "5000.00"), "paid"), (("2000.00", "3000.00"), "partially_paid")],
    }
    assert (held, status) in possible[office]


def test_a_payout_is_sent_once(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    race(lambda: commands.send_payout(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)).only()
    assert len(_transfers(stage)) == 1
    assert stage.heard(payout) == ["fetch_payout: pending"]


def test_a_payout_is_sent_again_by_one(stage: Stage, cast: Cast) -> None:
    payout = unsent(stage, cast)
    before = len(stage.heard(payout))
    actor = system_actor(cluster_id=cast.cluster_id)
    race(lambda: apply_payout_truth(actor=actor, transaction_id=payout, truth=NotFoundYet(), now=stage.now)).only()
    assert len(_transfers(stage)) == 1
    assert stage.heard(payout)[before:].count("fetch_payout: pending") == 1
    assert wallet_balance(cast.bola) == "600.00"


def test_a_payout_bounces_once(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    _end_transfer(stage, "reversed")
    race(lambda: commands.confirm_payment(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)).only()
    assert wallet_balance(cast.bola) == "1000.00"
    assert [case.kind for case in stage.cases()] == ["payout_bounced"]


def test_fees_are_charged_once(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "10000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    (settled,) = stage.settlements()
    charged = race(stage.charge_fees).only().results
    assert sum(naira(taken).minor for taken in charged) == settled.fee_minor
    assert naira("1000.00").minor - naira(cluster_balance(cast.cluster_id)).minor == settled.fee_minor


def test_one_key_starts_one_checkout(stage: Stage, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    sent = {"amount": "2500.00", "provider": "paystack"}
    answers = race(lambda: bola.post(f"{MY_WALLET}deposit/", sent, key="once"), runners=8).only().results
    assert {answer.status_code for answer in answers} <= {201, 409}
    told = {answer.json()["payment_url"] for answer in answers if answer.status_code == 201}
    assert len(told) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"request_in_progress"}
    assert len(stage._control("GET", "/state")["charge"]) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_webhook_is_stored_once(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    (delivery,) = stage.sandbox.due_webhooks()
    assert {answer.status_code for answer in race(lambda: post(delivery)).only().results} == {200}
    (notice,) = notices(delivery)
    assert notice.deliveries == CROWD
    race(lambda: commands.handle_notice(notice_id=notice.id, now=stage.now)).only()
    assert Notice.objects.get(id=notice.id).state == "done"
    assert wallet_balance(cast.bola) == "1000.00"


def opened(stage: Stage) -> UUID:
    with tenant(stage.cast.cluster_id):
        payments.open_case(kind=CaseKind.CHARGEBACK, subject="x", now=stage.now)
    return stage.cases()[0].id


def test_a_case_is_opened_and_closed_once(stage: Stage, cast: Cast) -> None:
    case = race(lambda: opened(stage)).only().results[0]
    assert len(stage.cases()) == 1
    ada = cast.ada.actor

    def close() -> None:
        payments.close_case(actor=ada, case_id=case, note="Done", now=stage.now)

    ended = race([close, lambda: payments.take_case(actor=ada, case_id=case, now=stage.now)] * 5).only(CaseClosed)
    assert ended.refused["CaseClosed"] >= 4
    (closed,) = stage.cases()
    assert closed.note == "Done"


def test_a_receipt_is_drawn_up_once(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    id = checkout.transaction.id
    drawn = race(lambda: commands.issue_receipt(actor=cast.bola.actor, transaction_id=id, now=stage.now), runners=4)
    assert len(set(drawn.only().results)) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_heard_while_it_is_asked_again_starts_nothing_new(stage: Stage, cast: Cast, provider: str) -> None:
    """Between the two reads of who asks again the first one's answer is committed: state and page are read as one."""
    failed = stage.deposit(cast.bola, provider=provider)
    stage.end(failed, "insufficient_funds")
    stage.confirm(failed)

    def prepare() -> Prepared:
        return commands.prepare_retry(actor=cast.bola.actor, transaction_id=failed.transaction.id, now=stage.now)

    first = prepare()

    def heard_after(go_on: Callable[[], Any], *_statement: object) -> Any:
        read = go_on()
        race([lambda: commands.open_checkout(actor=cast.bola.actor, prepared=first, now=stage.now)]).only()
        return read

    with at('"request_id" =', heard_after):
        again = prepare()
    assert again.transaction.id == first.transaction.id
    assert again.checkout_url == stage.attempt(first.transaction.id).checkout_url != ""
