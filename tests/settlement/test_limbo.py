"""Found by reading: the small holes in which money or a payment could be left, given twice, or told to somebody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from clustr.clusters.queries import system_actor
from clustr.kit.crashpoints import watching
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Notice, SavedMethod, Transaction
from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.refusals import ProviderWouldNot
from clustr.people.models import User
from clustr.settlement import commands
from clustr.settlement.commands.applying import apply_charge_truth
from clustr.settlement.commands.asking import confirm_charge
from clustr.settlement.commands.paying_out import apply_payout_truth
from clustr.settlement.types import RequestKey
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from sandbox.records import Charge
from tests.cast import Cast
from tests.money import fund, naira, no_pin, wallet_balance
from tests.settlement.stage import KEYS, PROVIDERS, Stage, asleep_once
from tests.settlement.test_payouts import AFTER_COOLING, _end_transfer, _transfers, withdrawn

pytestmark = pytest.mark.usefixtures("books")


def provider_of(stage: Stage, name: str) -> PaymentProvider:
    return stage.registry.named(name)


def truth_of(stage: Stage, transaction_id: UUID) -> ChargeTruth:
    attempt = stage.attempt(transaction_id)
    truth = provider_of(stage, attempt.provider).fetch_charge(reference=attempt.reference)
    assert isinstance(truth, ChargeTruth)
    return truth


def apply(stage: Stage, transaction_id: UUID, truth: ChargeTruth) -> str:
    apply_charge_truth(
        actor=system_actor(cluster_id=stage.cast.cluster_id),
        transaction_id=transaction_id,
        truth=truth,
        mode=truth.mode,
        now=stage.now,
    )
    return str(stage.transaction(transaction_id).status)


def refusal(message: str) -> httpx.Response:
    return httpx.Response(400, stream=httpx.ByteStream(json.dumps({"status": False, "message": message}).encode()))


def test_two_providers_may_give_the_same_number(stage: Stage, cast: Cast) -> None:
    """Money that came once through each of two providers, with one number, is twice the money."""
    first = stage.deposit(cast.bola, provider="paystack")
    stage.end(first)
    stage.confirm(first)
    (settled,) = stage.settlements()
    second = stage.deposit(cast.bola, provider="flutterwave")
    stage.sandbox.world.store._serial = int(settled.provider_id) - 1
    stage.end(second)
    truth = truth_of(stage, second.transaction.id)
    assert truth.provider_id == settled.provider_id
    confirm_charge(
        cluster_id=cast.cluster_id,
        transaction_id=second.transaction.id,
        provider_id=truth.provider_id,
        now=stage.now,
    )
    assert wallet_balance(cast.bola) == "2000.00"


def test_a_notice_that_names_another_payments_charge_tells_nothing(stage: Stage, cast: Cast) -> None:
    """Whoever has the webhook secret names a stranger's charge beside a reference of their own."""
    mine, theirs = (
        stage.deposit(cast.bola, provider="flutterwave"),
        stage.deposit(cast.residents[1], "777.00", "flutterwave"),
    )
    stage.end(theirs)
    said = {
        "event": "charge.completed",
        "data": {
            "id": int(truth_of(stage, theirs.transaction.id).provider_id),
            "tx_ref": stage.attempt(mine.transaction.id).reference,
            "status": "successful",
        },
    }
    notice = commands.accept_notice(
        provider="flutterwave",
        raw_body=json.dumps(said).encode(),
        headers={"verif-hash": KEYS.FLUTTERWAVE_WEBHOOK_SECRET},
        source=None,
        now=stage.now,
    )
    commands.handle_notice(notice_id=notice, now=stage.now)
    assert stage.cases() == []
    assert wallet_balance(cast.bola) == "0.00"


def test_a_charge_that_is_booked_for_another_payment_is_a_case_and_is_watched(stage: Stage, cast: Cast) -> None:
    first, second = stage.deposit(cast.bola), stage.deposit(cast.bola)
    stage.end(first)
    stage.confirm(first)
    booked = truth_of(stage, first.transaction.id)
    again = replace(booked, reference=stage.attempt(second.transaction.id).reference)
    assert apply(stage, second.transaction.id, again) == "processing"
    assert [case.kind for case in stage.cases()] == ["does_not_match"]
    assert stage.attempt(second.transaction.id).next_check_at is not None
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.PENDING, Outcome.REVERSED])
def test_what_is_said_of_another_reference_is_not_believed(stage: Stage, cast: Cast, outcome: Outcome) -> None:
    one, other = stage.deposit(cast.bola), stage.deposit(cast.bola)
    stage.end(other)
    said = replace(truth_of(stage, other.transaction.id), outcome=outcome)
    assert apply(stage, one.transaction.id, said) == "unknown"


def test_a_start_that_is_refused_after_a_look_has_failed(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep asks while the provider is still being told; its silence must not keep the payer from paying for ever."""
    answer = stage._answer

    def slow(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/initialize"):
            return answer(request)
        stage.wait(seconds=11)
        stage.dial(verify__timeout_after=1.0)
        stage.sweep()
        return refusal("Currency not supported by merchant")

    monkeypatch.setattr(stage, "_answer", slow)
    with pytest.raises(ProviderWouldNot):
        stage.deposit(cast.bola)
    with tenant(cast.cluster_id):
        (made,) = Transaction.objects.filter(cluster_id=cast.cluster_id, purpose="wallet")
    assert made.status == "failed"


def test_one_key_in_two_estates_is_two_payments(stage: Stage, cast: Cast) -> None:
    key = RequestKey(new_id(), b"input")
    first, second = (stage.deposit(person, request=key) for person in (cast.bola, cast.chidi))
    assert first.transaction.id != second.transaction.id
    assert first.payment_url != second.payment_url


def unsent(stage: Stage, cast: Cast) -> UUID:
    """A payout that the provider never received, and was asked about twice."""
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.dial(transfer__timeout_before=1.0)
    stage.send(payout)
    stage.heal()
    for _ in range(2):
        stage.wait(minutes=10)
        stage.confirm(payout)
    stage.wait(minutes=10)
    return payout


def not_there(stage: Stage, payout: UUID) -> None:
    apply_payout_truth(
        actor=system_actor(cluster_id=stage.cast.cluster_id), transaction_id=payout, truth=NotFoundYet(), now=stage.now
    )


def test_two_who_hear_that_it_is_not_there_send_it_once(stage: Stage, cast: Cast) -> None:
    payout, sent = unsent(stage, cast), list[str]()

    def meanwhile(place: str) -> None:
        if place == "settlement.apply_payout.after_commit" and not sent:
            sent.append("by another")
            not_there(stage, payout)
        elif place == "settlement.payout.again":
            sent.append("again")

    with watching(meanwhile):
        not_there(stage, payout)
    assert sent == ["by another", "again"]
    assert len(_transfers(stage)) == 1


def refusing(stage: Stage, monkeypatch: pytest.MonkeyPatch, *, first_take: bool) -> None:
    answer = stage._answer

    def refuse(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/transfer"):
            if first_take:
                answer(request)
            return refusal("Your balance is not enough to fulfil this request")
        return answer(request)

    monkeypatch.setattr(stage, "_answer", refuse)


def test_a_refusal_of_what_was_sent_again_gives_nothing_back(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first was heard after all: it is why there is no money for the second."""
    payout = unsent(stage, cast)
    with monkeypatch.context() as patched:
        refusing(stage, patched, first_take=True)
        not_there(stage, payout)
    assert stage.transaction(payout).status == "unknown"
    assert wallet_balance(cast.bola) == "600.00"
    for _ in range(3):
        stage.wait(minutes=10)
        stage.sweep()
    assert stage.transaction(payout).status == "completed"
    assert wallet_balance(cast.bola) == "600.00"


def taken_in(stage: Stage, payout: UUID) -> None:
    """Others ask about it until they send it again; the provider takes it in, and does not decide yet."""
    stage.dial(transfer__pending=1.0)
    while not _transfers(stage):
        stage.wait(minutes=6)
        stage.confirm(payout)


def test_a_refusal_heard_after_others_had_sent_it_gives_nothing_back(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was to send it slept before they did; it was sent again, and taken in; then they send it too, and are refused, in words
    that say nothing of that."""
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)

    def meanwhile() -> None:
        taken_in(stage, payout)
        refusing(stage, patched, first_take=False)

    with monkeypatch.context() as patched, watching(asleep_once("settlement.payout.recorded", meanwhile)):
        stage.send(payout)
    assert (stage.transaction(payout).status, wallet_balance(cast.bola)) == ("unknown", "600.00")
    _end_transfer(stage, "success")
    stage.confirm(payout)
    assert (stage.transaction(payout).status, wallet_balance(cast.bola)) == ("completed", "600.00")


def test_nobody_unsends_what_others_have_sent(stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks late, and in vain, whose the account is sends nothing, and says nothing of what others sent."""
    fund(cast, cast.bola, "1000.00")
    nameless = Destination("058", "0123456789", "")
    terms = {"amount": naira("400.00"), "destination": nameless, "authorization": no_pin(cast.bola)}
    payout = wallets.withdraw(actor=cast.bola.actor, now=cast.now, **terms).id
    stage.wait(**AFTER_COOLING)
    healthy = stage._answer

    def meanwhile() -> None:
        taken_in(stage, payout)
        monkeypatch.setattr(stage, "_answer", nobody_answers)

    def nobody_answers(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way", request=request)

    with watching(asleep_once("settlement.payout.recorded", meanwhile)):
        stage.send(payout)
    assert stage.attempt(payout).sent_at is not None
    monkeypatch.setattr(stage, "_answer", healthy)
    _end_transfer(stage, "success")
    stage.confirm(payout)
    assert (stage.transaction(payout).status, len(_transfers(stage))) == ("completed", 1)


def test_what_was_refused_again_and_is_not_there_comes_back(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = unsent(stage, cast)
    refusing(stage, monkeypatch, first_take=False)
    not_there(stage, payout)
    for _ in range(4):
        stage.wait(minutes=10)
        stage.confirm(payout)
    assert stage.transaction(payout).status == "failed"
    assert wallet_balance(cast.bola) == "1000.00"


def test_a_payout_may_have_the_number_of_a_charge(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    (settled,) = stage.settlements()
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    said = provider_of(stage, "paystack").fetch_payout(reference=stage.attempt(payout).reference)
    assert isinstance(said, PayoutTruth)
    apply_payout_truth(
        actor=system_actor(cluster_id=cast.cluster_id),
        transaction_id=payout,
        truth=replace(said, provider_id=settled.provider_id),
        now=stage.now,
    )
    assert stage.transaction(payout).status == "completed"


def test_what_was_given_back_without_a_notice_is_found_by_reconciling_once(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    charge = next(iter(stage.sandbox.world.store.all(Charge)))
    charge.status = "reversed"
    stage.wait(hours=1)
    for _ in range(2):
        commands.reconcile(since=cast.now - timedelta(days=1), until=stage.now, now=stage.now)
        for case in stage.cases():
            if case.closed_at is None:
                payments.close_case(actor=cast.ada.actor, case_id=case.id, note="Talked to them", now=stage.now)
    assert [case.kind for case in stage.cases()] == ["chargeback"]


def test_a_case_that_was_closed_is_not_opened_again_by_the_same_answer(stage: Stage, cast: Cast) -> None:
    first, second = stage.deposit(cast.bola), stage.deposit(cast.bola)
    stage.end(first)
    stage.confirm(first)
    again = replace(truth_of(stage, first.transaction.id), reference=stage.attempt(second.transaction.id).reference)
    for _ in range(2):
        apply(stage, second.transaction.id, again)
        for case in stage.cases():
            if case.closed_at is None:
                payments.close_case(actor=cast.ada.actor, case_id=case.id, note="Theirs", now=stage.now)
    assert len(stage.cases()) == 1


def test_fees_that_a_wallet_could_not_bear_are_charged_when_it_can(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "10000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    assert stage.charge_fees() == "0.00"
    assert commands.charge_waiting_fees(now=stage.now) >= 1
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    assert stage.charge_fees() != "0.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_card_of_somebody_erased_is_not_kept(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider, save_card=True)
    stage.end(checkout)
    User.objects.filter(id=cast.bola.user_id).update(is_active=False, email=f"erased-{cast.bola.user_id}@invalid")
    stage.confirm(checkout)
    with tenant(cast.cluster_id):
        assert not SavedMethod.objects.filter(user_id=cast.bola.user_id).exists()


def test_a_notice_with_what_no_database_holds_is_kept(stage: Stage, cast: Cast) -> None:
    said = {"event": "charge.completed", "data": {"id": "1\x00", "tx_ref": "\ud800" * 20, "status": "successful"}}
    notice = commands.accept_notice(
        provider="flutterwave",
        raw_body=json.dumps(said).encode(),
        headers={"verif-hash": KEYS.FLUTTERWAVE_WEBHOOK_SECRET},
        source=None,
        now=stage.now,
    )
    assert Notice.objects.get(id=notice).provider_id == ""
