"""Where a provider is silent, refuses, or speaks of what nobody knows: names, notices, payouts, refunds, lists, receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader

from clustr.audit.refusals import IdempotencyKeyReused, RequestInProgress
from clustr.kit.actor import PermissionMissing
from clustr.kit.crashpoints import watching
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments.models import Notice
from clustr.payments.refusals import (
    ProviderNotAvailable,
    ProviderSilent,
    ProviderUnavailable,
    TransactionNotFound,
    TransactionNotRetryable,
)
from clustr.settlement import commands
from clustr.settlement.commands.receipts import destroy_receipts
from clustr.settlement.models import Receipt
from clustr.settlement.refusals import BankAccountNotFound, NoReceipt, PaymentUnderWay
from clustr.settlement.types import RequestKey
from clustr.wallets import commands as wallets
from tests.cast import Cast
from tests.money import naira, wallet_balance
from tests.settlement.stage import KEYS, Stage, asleep_once
from tests.settlement.test_payouts import AFTER_COOLING, BANK, _end_transfer, _transfers, withdrawn
from tests.settlement.test_reconcile import run
from tests.settlement.test_reconcile_payouts import paying_by
from tests.settlement.test_refunds import paid_bill, paid_deposit, refund, send, told
from tests.wallets.acts import receive

pytestmark = pytest.mark.usefixtures("books")


@contextmanager
def silent_about(stage: Stage, *paths: str) -> Iterator[None]:
    """The provider answers everything but what is asked at these addresses."""
    answer = stage._answer

    def some(request: httpx.Request) -> httpx.Response:
        if any(request.url.path.endswith(path) for path in paths):
            raise httpx.ReadTimeout("nothing was heard", request=request)
        return answer(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "_answer", some)
        yield


def kinds(stage: Stage) -> list[str]:
    return [case.kind for case in stage.cases()]


# Whose account it is


def test_whose_account_it_is(stage: Stage, cast: Cast) -> None:
    def ask(number: str = "0690000031", bank: str = "044") -> Any:
        return commands.resolve_bank_account(actor=cast.ada.actor, bank_code=bank, account_number=number)

    assert ask().account_name
    with pytest.raises(BankAccountNotFound):
        ask(bank="999")
    with pytest.raises(ProviderUnavailable):
        ask("0690010000")  # it says the same while the bank does not answer
    with paying_by("flutterwave"), pytest.raises(BankAccountNotFound):
        ask("0690010000")
    with silent_about(stage, "/bank/resolve"), pytest.raises(ProviderUnavailable):
        ask()
    world = stage.sandbox.world
    world.keys = replace(world.keys, paystack_secret="sk_test_of_somebody_else")
    with pytest.raises(ProviderNotAvailable):
        ask()
    with paying_by("nobody"), pytest.raises(ProviderNotAvailable):
        ask()
    with pytest.raises(PermissionMissing):
        commands.resolve_bank_account(actor=cast.bola.actor, bank_code="044", account_number="0690000031")


# Notices


def delivered(stage: Stage, event: str, **data: object) -> Notice:
    """A delivery of Flutterwave's that nobody of the sandbox made, taken in and acted on."""
    notice_id = commands.accept_notice(
        provider="flutterwave",
        raw_body=json.dumps({"event": event, "data": data}).encode(),
        headers={"verif-hash": KEYS.FLUTTERWAVE_WEBHOOK_SECRET},
        source="127.0.0.1",
        now=stage.now,
    )
    commands.handle_notice(notice_id=notice_id, now=stage.now)
    return Notice.objects.get(id=notice_id)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("refund", {"status": "completed"}),
        ("transfer.completed", {"status": "SUCCESSFUL", "reference": "by-hand-0000000001"}),
        ("charge.completed", {"status": "successful", "tx_ref": "of-somebody-else-1"}),
        ("bvn.completed", {}),
    ],
)
def test_news_of_what_nobody_knows_is_no_concern_of_ours(stage: Stage, event: str, data: dict[str, str]) -> None:
    notice = delivered(stage, event, id=stage.first_serial + 9_999, **data)
    assert notice.state == "ignored"
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert Notice.objects.get(id=notice.id).attempts == notice.attempts


def test_news_that_cannot_be_asked_about_waits(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, provider="flutterwave")
    stage.end(checkout)
    (charge,) = stage.sandbox.world.store.dump()["charge"]
    with silent_about(stage, f"/transactions/{charge['id']}/verify"):
        notice = delivered(stage, "charge.completed", id=charge["id"], status="successful")
    assert (notice.state, notice.attempts) == ("waiting", 1)
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert Notice.objects.get(id=notice.id).state == "done"
    assert wallet_balance(cast.bola) == "1000.00"


# Payouts


def cooled(stage: Stage, cast: Cast) -> UUID:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    return payout


def test_without_a_provider_a_payout_waits(stage: Stage, cast: Cast) -> None:
    payout = cooled(stage, cast)
    with paying_by("nobody"):
        assert stage.send(payout).status == "pending"
    assert stage.send(payout).status == "processing"


def test_what_the_balance_does_not_hold_comes_back(stage: Stage, cast: Cast) -> None:
    stage._control("PUT", "/balance", {"provider": "flutterwave", "amount": 0})
    payout = cooled(stage, cast)
    with paying_by("flutterwave"):
        assert stage.send(payout).status == "failed"
    assert (wallet_balance(cast.bola), _transfers(stage)) == ("1000.00", [])


def test_a_refusal_of_what_was_sent_before_is_none(stage: Stage, cast: Cast) -> None:
    """The first may have been heard: the money returns only when the provider has known nothing of it for long."""
    payout = cooled(stage, cast)
    stage.dial(transfer__timeout_before=1.0)
    with paying_by("flutterwave"):
        stage.send(payout)
    stage.heal()
    stage._control("PUT", "/balance", {"provider": "flutterwave", "amount": 0})
    for _ in range(4):
        stage.wait(minutes=10)
        stage.sweep()
    assert "pay_out: refused" in stage.heard(payout)
    assert stage.transaction(payout).status == "unknown"
    assert wallet_balance(cast.bola) == "600.00"
    for _ in range(40):
        stage.wait(hours=1)
        stage.sweep()
    assert stage.transaction(payout).status == "failed"
    assert wallet_balance(cast.bola) == "1000.00"


def test_what_needs_a_person_at_the_provider_and_ends_without_one(stage: Stage, cast: Cast) -> None:
    payout = cooled(stage, cast)
    stage.dial(transfer__otp=1.0)
    stage.send(payout)
    assert kinds(stage) == ["unknown_too_long"]
    stage.wait(hours=2)
    stage.confirm(payout)
    assert stage.transaction(payout).status == "failed"
    assert wallet_balance(cast.bola) == "1000.00"


def test_what_stays_on_its_way_is_asked_about_by_a_person_after_a_day(stage: Stage, cast: Cast) -> None:
    payout = cooled(stage, cast)
    stage.dial(transfer__pending=1.0)
    stage.send(payout)
    stage.wait(hours=23)
    stage.confirm(payout)
    assert kinds(stage) == []
    stage.wait(hours=2)
    stage.confirm(payout)
    assert (stage.transaction(payout).status, kinds(stage)) == ("processing", ["unknown_too_long"])


def test_what_was_given_back_and_arrived_too_is_a_case(stage: Stage, cast: Cast) -> None:
    payout = cooled(stage, cast)
    stage.dial(transfer__pending=1.0)
    stage.send(payout)
    _end_transfer(stage, "failed")
    stage.confirm(payout)
    assert wallet_balance(cast.bola) == "1000.00"
    _end_transfer(stage, "success")
    commands.reconcile_payouts(since=stage.cast.now - timedelta(days=3), until=stage.now, now=stage.now)
    assert stage.transaction(payout).status == "failed"
    assert {"does_not_match", "payout_differs"} >= set(kinds(stage)) != set()
    assert wallet_balance(cast.bola) == "1000.00", "nobody is paid twice by the books without a person"


# Refunds


def test_a_refund_waits_while_nobody_says_who_complained(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    with silent_about(stage, "/dispute"):
        assert send(stage, made) == "pending"
        assert kinds(stage) == []
        stage.wait(hours=25)
        assert send(stage, made) == "pending"
    assert (kinds(stage), told(stage)) == (["unknown_too_long"], [])
    assert send(stage, made) == "processing"


def test_a_refund_that_was_refused_when_it_was_asked_again_is_asked_about(stage: Stage, cast: Cast) -> None:
    payment = paid_deposit(stage)
    made = refund(stage, payment)
    stage.dial(refund__timeout_before=1.0)
    assert send(stage, made) == "unknown"
    stage.heal()
    with refusing(stage, "/refund"):
        for _ in range(4):
            stage.wait(minutes=10)
            stage.sweep()
        assert "refund_charge: refused" in stage.heard(made)
        assert stage.transaction(made).status == "unknown", "the first may have been heard"
        for _ in range(40):
            stage.wait(hours=1)
            stage.sweep()
    assert stage.transaction(made).status == "failed"
    assert "refund_failed" in kinds(stage)
    assert wallet_balance(cast.bola) == "1000.00"


def test_a_refund_refused_after_others_had_asked_for_it_returns_nothing(stage: Stage, cast: Cast) -> None:
    """Whoever was to ask for it slept before they did; it was asked for again, and taken in; then they ask too, and are refused."""
    made = refund(stage, paid_deposit(stage))

    def meanwhile() -> None:
        stage.dial(refund__stuck=1.0)
        while not told(stage):
            stage.wait(minutes=6)
            stage.confirm(made)
        refused.enter_context(refusing(stage, "/refund"))

    with ExitStack() as refused, watching(asleep_once("settlement.refund.recorded", meanwhile)):
        send(stage, made)
    assert (stage.transaction(made).status, len(told(stage)), kinds(stage)) == ("unknown", 1, [])
    assert wallet_balance(cast.bola) == "0.00"


@contextmanager
def refusing(stage: Stage, path: str) -> Iterator[None]:
    """The provider refuses whatever is posted to this address."""
    answer = stage._answer

    def refused(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(path):
            body = json.dumps({"status": False, "message": "Not now", "type": "validation_error"})
            return httpx.Response(400, stream=httpx.ByteStream(body.encode()))
        return answer(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "_answer", refused)
        yield


# Lists


def paid_long_after(stage: Stage, cast: Cast, count: int) -> list[str]:
    """Payments that are in no list of a provider's for the span in which they were paid, because they were begun before."""
    begun = [stage.deposit(cast.bola, f"{100 + number}.00") for number in range(count)]
    stage.wait(days=3)
    for checkout in begun:
        stage.end(checkout)
        stage.confirm(checkout)
    stage.wait(hours=1)
    return [settled.provider_id for settled in stage.settlements()]


def compare(stage: Stage) -> bool:
    """Whether the last hours could be compared whole."""
    made = commands.reconcile(
        since=stage.now - timedelta(hours=2), until=stage.now, now=stage.now, cluster_ids=stage.cluster_ids
    )
    return next(found.complete for found in made if found.provider == "paystack")


def test_silence_about_one_of_many_is_a_case_that_holds_up_one_night(stage: Stage, cast: Cast) -> None:
    first, *_ = paid_long_after(stage, cast, 2)
    with silent_about(stage, f"/transaction/{first}"):
        assert not compare(stage)
        assert [(case.kind, case.facts["provider_id"]) for case in stage.cases()] == [("never_answered", first)]
        assert compare(stage), "while a person is asked about it"
    assert kinds(stage) == ["never_answered"]


def test_silence_about_all_is_the_providers_and_no_case(stage: Stage, cast: Cast) -> None:
    charges = paid_long_after(stage, cast, 6)
    with silent_about(stage, *(f"/transaction/{charge}" for charge in charges)):
        assert not compare(stage)
    assert kinds(stage) == []
    assert compare(stage)


def test_a_list_that_breaks_off_by_an_error_of_ours_is_the_platforms_case(stage: Stage, cast: Cast) -> None:
    paid_deposit(stage)
    answer = stage._answer

    def broken(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/paystack/transaction":
            raise RuntimeError("an error of ours")
        return answer(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "_answer", broken)
        made = run(stage, "paystack")
    assert not made.complete
    assert run(stage, "paystack").complete


# Tried again


def prepared(stage: Stage, cast: Cast, digest: bytes = b"one", scope: UUID | None = None, **more: Any) -> Any:
    return commands.prepare_deposit(
        actor=cast.bola.actor,
        amount=naira("500.00"),
        provider="paystack",
        callback_url="",
        request=RequestKey(scope or new_id(), digest),
        now=stage.now,
        **more,
    )


def test_the_same_request_is_gone_on_with_once_its_call_is_over(stage: Stage, cast: Cast) -> None:
    scope = new_id()
    first = prepared(stage, cast, scope=scope)
    with pytest.raises(RequestInProgress):
        prepared(stage, cast, scope=scope)
    with pytest.raises(IdempotencyKeyReused):
        prepared(stage, cast, b"another", scope)
    stage.wait(minutes=2)
    again = prepared(stage, cast, scope=scope)
    assert (again.transaction.id, again.checkout_url) == (first.transaction.id, "")
    opened = commands.open_checkout(actor=cast.bola.actor, prepared=again, now=stage.now)
    assert prepared(stage, cast, scope=scope).checkout_url == opened.payment_url


def test_a_failed_payment_is_tried_again_until_one_such_try_was_paid(stage: Stage, cast: Cast) -> None:
    def retry(transaction_id: UUID) -> Any:
        made = commands.prepare_retry(actor=cast.bola.actor, transaction_id=transaction_id, now=stage.now)
        return commands.open_checkout(actor=cast.bola.actor, prepared=made, now=stage.now)

    with pytest.raises(TransactionNotFound):
        retry(new_id())
    checkout = stage.deposit(cast.bola)
    with pytest.raises(TransactionNotRetryable):
        retry(checkout.transaction.id)
    failed = failed_for_good(stage, checkout)
    first = retry(failed)
    assert retry(failed).transaction.id == first.transaction.id
    second = retry(failed) if failed_for_good(stage, first) else None
    assert second is not None
    assert second.transaction.id != first.transaction.id
    stage.end(second)
    stage.confirm(second)
    with pytest.raises(TransactionNotRetryable):
        retry(failed)


def failed_for_good(stage: Stage, checkout: Any) -> UUID:
    """What was declined, and whose page nobody can pay on any more."""
    stage.end(checkout, "insufficient_funds")
    stage.confirm(checkout)
    transaction_id: UUID = checkout.transaction.id
    assert stage.transaction(transaction_id).status == "failed"
    return transaction_id


def test_a_retry_of_which_nothing_was_heard_is_not_begun_anew(stage: Stage, cast: Cast) -> None:
    failed = failed_for_good(stage, stage.deposit(cast.bola))
    stage.dial(charge__timeout_after=1.0)
    made = commands.prepare_retry(actor=cast.bola.actor, transaction_id=failed, now=stage.now)
    with pytest.raises(ProviderSilent):
        commands.open_checkout(actor=cast.bola.actor, prepared=made, now=stage.now)
    with pytest.raises(PaymentUnderWay):
        commands.prepare_retry(actor=cast.bola.actor, transaction_id=failed, now=stage.now)


# Receipts


def test_a_receipt_is_drawn_up_once_and_anew_where_it_was_destroyed(stage: Stage, cast: Cast) -> None:
    waiting = stage.deposit(cast.bola)
    with pytest.raises(NoReceipt):
        commands.issue_receipt(actor=cast.bola.actor, transaction_id=waiting.transaction.id, now=stage.now)
    _, payment = paid_bill(stage)
    first = commands.issue_receipt(actor=cast.bola.actor, transaction_id=payment, now=stage.now)
    stage.wait(days=1)
    assert commands.issue_receipt(actor=cast.ada.actor, transaction_id=payment, now=stage.now) == first
    assert cast.bola.name in words(first)
    assert "Bill" in words(first)
    with pytest.raises(TransactionNotFound):
        commands.issue_receipt(actor=cast.chidi.actor, transaction_id=payment, now=stage.now)
    send(stage, refund(stage, payment, "2000.00"))
    stage.wait(minutes=10)
    stage.sweep()
    destroy_receipts(cast.bola.user_id, stage.now)
    with tenant(cast.cluster_id):
        assert not Receipt.objects.filter(cluster_id=cast.cluster_id, id=payment).exists()
    again = words(commands.issue_receipt(actor=cast.ada.actor, transaction_id=payment, now=stage.now))
    assert "was refunded" in again


def test_the_estates_own_transfer_names_the_estate(stage: Stage, cast: Cast) -> None:
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("700.00"), description="Hall", source="Hire", now=cast.now
    )
    transfer = wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("700.00"), description="Diesel", destination=BANK, now=stage.now
    )
    stage.wait(**AFTER_COOLING)
    stage.send(transfer)
    stage.wait(minutes=1)
    stage.confirm(transfer)
    pdf = commands.issue_receipt(actor=cast.ada.actor, transaction_id=transfer, now=stage.now)
    assert "Statement of a transfer" in words(pdf)
    assert "Diesel" in words(pdf)
    assert "Sent through" in words(pdf)
    assert f"ending {BANK.account_number[-4:]}" in words(pdf)
    assert BANK.account_number not in words(pdf)


def test_a_correction_is_no_refund_to_anybody(stage: Stage, cast: Cast) -> None:
    """Cash recorded for the wrong member: what proves that it left their wallet does not prove that they got it."""
    received = receive(cast, cast.bola, "5000.00")
    taken = wallets.reverse_offline_receipt(
        actor=cast.ada.actor, transaction_id=received.id, amount=naira("3000.00"), reason="Another's", now=cast.now
    )
    drawn = words(commands.issue_receipt(actor=cast.ada.actor, transaction_id=taken.id, now=stage.now))
    assert "Statement of a correction" in drawn
    assert f"From {cast.bola.name}" in drawn
    assert "Reason Another's" in drawn
    assert "Had been recorded as Cash" in drawn
    assert "Paid by" not in drawn
    assert "refund" not in drawn.lower()
    first = words(commands.issue_receipt(actor=cast.ada.actor, transaction_id=received.id, now=stage.now))
    assert "of which ₦3,000.00 was taken back" in first
    assert "Provider" not in first


def words(pdf: bytes) -> str:
    return " ".join(PdfReader(BytesIO(pdf)).pages[0].extract_text().split())
