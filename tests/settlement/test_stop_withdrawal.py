"""A withdrawal that was not sent yet is stopped by its owner, or by the office."""

from __future__ import annotations

from uuid import UUID

import pytest

from clustr.people.models import Mail
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PayoutDecided, PayoutNotFound, SeparationOfDuties
from tests.cast import Cast, Person
from tests.money import cluster_balance, fund, naira, no_pin, wallet_balance
from tests.races import race
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import AFTER_COOLING, BANK, _transfers, withdrawn
from tests.wallets.acts import credit, transfer
from tests.web.asking import MY_WALLET, OFFICE, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")


def cancel(cast: Cast, payout: UUID, by: Person | None = None) -> str:
    person = by or cast.bola
    return wallets.cancel_withdrawal(actor=person.actor, payout_id=payout, now=cast.now).status


def stop(cast: Cast, payout: UUID, by: Person | None = None) -> str:
    person = by or cast.ada
    return wallets.stop_withdrawal(actor=person.actor, payout_id=payout, reason="Not you", now=cast.now).status


def test_it_works(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    assert cancel(cast, payout) == "cancelled"
    assert wallet_balance(cast.bola) == "1000.00"
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "cancelled"
    assert _transfers(stage) == []
    with pytest.raises(PayoutDecided):
        cancel(cast, payout)


def test_the_office_says_why(cast: Cast) -> None:
    payout = withdrawn(cast)
    assert stop(cast, payout) == "cancelled"
    assert wallet_balance(cast.bola) == "1000.00"
    mail = Mail.objects.get(user_id=cast.bola.user_id, subject__contains="was stopped")
    assert "Not you" in mail.body


def test_not_once_it_was_sent(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    for act in (cancel, stop):
        with pytest.raises(PayoutDecided):
            act(cast, payout)
    assert wallet_balance(cast.bola) == "600.00"


def test_of_many_who_stop_and_send_an_approved_transfer_one_wins(stage: Stage, cast: Cast) -> None:
    credit(cast, "2000000.00")
    payout = transfer(cast, "1500000.00")
    second = cast.manager("TransferFunds")
    wallets.approve_transfer(actor=second.actor, payout_id=payout, now=cast.now)
    stage.wait(**AFTER_COOLING)

    def send() -> None:
        settlement.send_payout(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)

    def stop() -> None:
        wallets.reject_transfer(actor=second.actor, payout_id=payout, note="Wrong", now=stage.now)

    race([send, stop] * 6).only(PayoutDecided)
    assert len(_transfers(stage)) == (stage.transaction(payout).status == "processing")
    assert cluster_balance(cast.cluster_id) == ("500000.00" if _transfers(stage) else "2000000.00")


def test_of_many_who_stop_and_send_one_wins(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)

    def send() -> None:
        settlement.send_payout(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)

    race([send, lambda: cancel(cast, payout), lambda: stop(cast, payout)] * 6).only(PayoutDecided)
    sent = len(_transfers(stage))
    assert (sent, wallet_balance(cast.bola)) in ((0, "1000.00"), (1, "600.00"))


def test_not_somebody_elses(cast: Cast) -> None:
    payout = withdrawn(cast)
    other = next(person for person in cast.residents if person is not cast.bola)
    for stranger in (other, cast.ada, cast.chidi):
        with pytest.raises(PayoutNotFound):
            cancel(cast, payout, stranger)
    with pytest.raises(PayoutNotFound):
        stop(cast, payout, cast.lekki["Dayo"])


def test_the_office_does_not_stop_its_own(cast: Cast) -> None:
    dele = cast.manager("TransferFunds", name="Dele")
    fund(cast, dele, "10.00")
    own = wallets.withdraw(
        actor=dele.actor, amount=naira("10.00"), destination=BANK, authorization=no_pin(dele), now=cast.now
    )
    with pytest.raises(SeparationOfDuties):
        stop(cast, own.id, dele)
    assert cancel(cast, own.id, dele) == "cancelled"


def test_over_http(cast: Cast) -> None:
    payout = withdrawn(cast)
    path = f"{MY_WALLET}withdrawals/{payout}/cancel/"
    first, again = (cast.client_of(cast.bola).post(path, key="stop") for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert again["Idempotent-Replayed"] == "true"
    refused(cast.client_of(cast.bola).post(path), 409, "payout_decided")
    office = f"{OFFICE}withdrawals/{foreign_id()}/stop/"
    refused(cast.client_of(cast.ada).post(office, {"reason": "Who?"}), 404, "payout_not_found")
    refused(cast.client_of(cast.efe).post(office, {"reason": "Who?"}), 403, "permission_missing")
