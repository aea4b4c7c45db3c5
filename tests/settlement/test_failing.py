"""What fails although it should not is tried ever more seldom, and in the end a person is asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.tenancy import tenant
from clustr.payments.models import Case, Notice
from clustr.settlement import commands, tasks
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.cast import Cast
from tests.money import fund, naira, no_pin, wallet_balance
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import AFTER_COOLING, _transfers

pytestmark = pytest.mark.usefixtures("books")


class Broken(Exception):
    """A bug of ours."""


def confirm(stage: Stage, id: UUID) -> None:
    with pytest.raises(Broken):
        tasks.confirm(cluster_id=str(stage.cast.cluster_id), transaction_id=str(id))


def test_a_payment_is_asked_about_ever_more_seldom_and_becomes_a_case(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = stage.deposit(cast.bola)
    id, healthy = checkout.transaction.id, stage._answer
    monkeypatch.setattr(clock, "now", lambda: stage.now)

    def fail(*_asked: Any) -> None:
        raise Broken

    monkeypatch.setattr(stage, "_answer", fail)
    waits = []
    for _ in range(7):
        confirm(stage, id)
        due = stage.attempt(id).next_check_at
        assert due is not None
        waits.append(due - stage.now)
        stage.clock.move(by=waits[-1])
    assert waits == sorted(waits)
    assert waits[0] >= timedelta(seconds=10)
    assert waits[-1] == timedelta(minutes=10)
    assert stage.cases() == []
    stage.wait(hours=1)
    confirm(stage, id)
    assert [case.kind for case in stage.cases()] == ["never_answered"]
    monkeypatch.setattr(stage, "_answer", healthy)
    stage.end(checkout)
    tasks.confirm(cluster_id=str(cast.cluster_id), transaction_id=str(id))
    assert wallet_balance(cast.bola) == "1000.00"


def test_a_notice_is_tried_ever_more_seldom_and_becomes_the_platforms_case(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    (delivery,) = stage.sandbox.due_webhooks()
    monkeypatch.setattr(clock, "now", lambda: stage.now)
    notice = commands.accept_notice(
        provider=delivery.provider, raw_body=delivery.body, headers=delivery.headers, source=None, now=stage.now
    )

    def fail(*_asked: Any) -> None:
        raise Broken

    monkeypatch.setattr(stage, "_answer", fail)
    before = stage.now
    for _ in range(3):
        with pytest.raises(Broken):
            tasks.handle_notice(notice_id=str(notice))
        due = Notice.objects.get(id=notice).next_attempt_at
        assert due is not None
        assert due > before
        before = due
    stage.wait(hours=2)
    with pytest.raises(Broken):
        tasks.handle_notice(notice_id=str(notice))
    with tenant(PLATFORM_CLUSTER_ID):
        assert Case.objects.get(subject=f"notice:{notice}").kind == "never_answered"


def withdrawn_without_a_name(stage: Stage, cast: Cast, number: str = "0690000031", bank: str = "044") -> UUID:
    fund(cast, cast.bola, "1000.00")
    made = wallets.withdraw(
        actor=cast.bola.actor,
        amount=naira("400.00"),
        destination=Destination(bank, number, ""),
        authorization=no_pin(cast.bola),
        now=cast.now,
    )
    stage.wait(**AFTER_COOLING)
    return made.id


def test_a_payout_whose_account_could_not_be_asked_about_goes_with_the_next_look(stage: Stage, cast: Cast) -> None:
    payout = withdrawn_without_a_name(stage, cast)
    stage.dial(list__timeout_before=1.0)
    stage.send(payout)
    stage.heal()
    assert _transfers(stage) == []
    stage.wait(seconds=11)
    stage.sweep()
    assert len(_transfers(stage)) == 1
    stage.wait(minutes=2)
    stage.sweep()
    assert stage.transaction(payout).status == "completed"


def test_a_bank_account_that_does_not_exist_is_told_plainly(stage: Stage, cast: Cast) -> None:
    payout = withdrawn_without_a_name(stage, cast, bank="999")
    failed = stage.send(payout)
    assert failed.status == "failed"
    assert failed.failure is not None
    assert (failed.failure["type"], failed.failure["retryable"]) == ("INVALID_CARD", False)
    assert "no such bank account" in failed.failure["message"]
    assert wallet_balance(cast.bola) == "1000.00"


def test_nobody_hears_that_their_account_does_not_exist_where_only_the_bank_is_silent(stage: Stage, cast: Cast) -> None:
    failed = stage.send(withdrawn_without_a_name(stage, cast, "0690010000"))
    assert failed.status == "failed"
    assert failed.failure is not None
    assert (failed.failure["type"], failed.failure["retryable"]) == ("NETWORK_ERROR", True)
    assert failed.failure["message"] == "The bank could not be reached."
    assert wallet_balance(cast.bola) == "1000.00"


def test_where_nobody_names_accounts_the_name_is_asked_for(
    stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when payouts are sent by another provider now, who names none in this currency."""
    payout = withdrawn_without_a_name(stage, cast)
    monkeypatch.setattr("clustr.payments.providers.paystack._NAMED_IN", frozenset())
    failed = stage.send(payout)
    assert failed.failure is not None
    assert (failed.failure["type"], failed.failure["retryable"]) == ("NAME_NEEDED", False)
    assert "with the name of the account's holder" in failed.failure["message"]
    assert failed.failure["recovery_options"] == ["contact_office"]
    assert wallet_balance(cast.bola) == "1000.00"


def test_an_interrupted_payout_is_asked_about_again_within_minutes(stage: Stage, cast: Cast) -> None:
    payout = withdrawn_without_a_name(stage, cast)
    stage.dial(transfer__timeout_before=1.0)
    stage.send(payout)
    stage.heal()
    for _ in range(6):
        due = stage.attempt(payout).next_check_at
        assert due is not None
        assert due - stage.now <= timedelta(minutes=10)
        stage.clock.move(by=due - stage.now)
        stage.sweep()
    stage.wait(minutes=10)
    stage.sweep()
    assert stage.transaction(payout).status in ("processing", "completed")
    assert len(_transfers(stage)) == 1
