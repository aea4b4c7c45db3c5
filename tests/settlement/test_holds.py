"""An estate whose books do not hold sends nothing out, whatever comes in, until somebody of the platform has looked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from clustr.audit.models import AuditEvent
from clustr.kit import clock
from clustr.kit.invariants import Invariant, Violation
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.commands import holds
from clustr.payments.models import Hold
from clustr.people import commands as people
from clustr.wallets import commands as wallets
from tests.bills.acts import pay
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, naira, no_pin, wallet_balance
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import AFTER_COOLING, BANK, _transfers
from tests.settlement.test_refunds import let_it_end, paid_bill, refund, send
from tests.web.pages.browsing import Browser

pytestmark = pytest.mark.usefixtures("books")
WHY = "The estate's books are being looked at"


def hold(cluster_id: UUID, name: str = "ledger.guarded_balance") -> None:
    payments.hold_outgoing(Violation(Invariant(name, "It holds.", ""), (), frozenset({cluster_id})), clock.now())


def release(cast: Cast, **more: Any) -> list[str]:
    return payments.release_outgoing(
        cluster_id=cast.cluster_id, reason="A slip of ours", released_by=uuid4(), now=cast.now, **more
    )


def is_held(cluster_id: UUID) -> bool:
    with tenant(cluster_id):
        return payments.is_held()


def test_payouts_wait_and_say_why(stage: Stage, cast: Cast) -> None:
    fund(cast, cast.bola, "1000.00")
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("700.00"), description="Hall", source="Hire", now=cast.now
    )
    transfer = wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("700.00"), description="Diesel", destination=BANK, now=stage.now
    )
    withdrawal = wallets.withdraw(
        actor=cast.bola.actor, amount=naira("400.00"), destination=BANK, authorization=no_pin(cast.bola), now=stage.now
    ).id
    hold(cast.cluster_id)
    stage.wait(**AFTER_COOLING)
    assert {stage.send(payout).status for payout in (transfer, withdrawal)} == {"pending"}
    assert (_transfers(stage), is_held(cast.lekki.id)) == ([], False)
    office = Browser(cast.ada)
    office.open(f"/office/wallet/transfers/{transfer}/")
    assert WHY in unescape(office.text)
    assert release(cast) == ["ledger.guarded_balance"]

    assert {stage.send(payout).status for payout in (transfer, withdrawal)} == {"processing"}


def test_a_refund_waits_and_is_not_asked_about_all_the_time(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    hold(cast.cluster_id)
    assert send(stage, made) == "pending"
    let_it_end(stage)
    assert (stage.transaction(made).status, stage.sandbox.world.store.dump()["refund"]) == ("pending", [])
    assert stage.attempt(made).next_check_at > stage.now
    release(cast)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"


@pytest.mark.parametrize("sent", [False, True])
def test_what_was_on_its_way_is_not_sent_again_meanwhile(stage: Stage, cast: Cast, sent: bool) -> None:
    """Nothing was sent, because its account could not be looked up; or the provider never received it."""
    fund(cast, cast.bola, "1000.00")
    account = replace(BANK, account_name="")
    withdrawal = wallets.withdraw(
        actor=cast.bola.actor,
        amount=naira("400.00"),
        destination=account,
        authorization=no_pin(cast.bola),
        now=stage.now,
    ).id
    stage.wait(**AFTER_COOLING)
    stage.dial(**({"transfer__timeout_before": 1.0} if sent else {"list__reset_before": 1.0}))
    stage.send(withdrawal)
    stage.heal()
    hold(cast.cluster_id)
    for _ in range(6):
        stage.wait(minutes=20)
        stage.sweep()
    assert _transfers(stage) == []
    release(cast)
    for _ in range(3):
        stage.wait(hours=1)
        stage.sweep()
    assert stage.transaction(withdrawal).status == "completed"


def test_what_was_found_while_the_books_were_proved_holds_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(cast.cluster_id)

    def prove(*, cluster_id: UUID) -> Iterator[Violation]:
        hold(cluster_id, "bills.paid")
        return iter(())

    monkeypatch.setattr(holds, "violations", prove)
    assert release(cast) == ["ledger.guarded_balance"]
    assert is_held(cast.cluster_id)


def test_money_comes_in_and_bills_are_paid_meanwhile(stage: Stage, cast: Cast) -> None:
    hold(cast.cluster_id)
    checkout = stage.deposit(cast.bola, "1000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    bill = issue(cast, "400.00")
    acknowledge(cast, cast.bola, bill)
    pay(cast, cast.bola, bill)
    assert wallet_balance(cast.bola) == "600.00"


def test_it_is_held_once_and_again_after_its_release(cast: Cast) -> None:
    for _ in range(2):
        hold(cast.cluster_id)
        hold(cast.cluster_id, "bills.paid")
    with tenant(cast.cluster_id):
        assert Hold.objects.count() == 2
        assert AuditEvent.objects.filter(action="payments.outgoing_held").count() == 2
    assert sorted(release(cast)) == ["bills.paid", "ledger.guarded_balance"]
    hold(cast.cluster_id)
    assert is_held(cast.cluster_id)


def test_what_was_let_go_although_it_does_not_hold_keeps_nothing_back_for_a_week(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ledger.guarded_balance", "bills.paid"):
        hold(cast.cluster_id, name)
    found = [Violation(Invariant("ledger.guarded_balance", "It holds.", ""), ())]
    monkeypatch.setattr(holds, "violations", lambda **_: iter(found))
    release(cast, although_broken=True)
    hold(cast.cluster_id)
    assert not is_held(cast.cluster_id)
    hold(cast.cluster_id, "bills.paid")
    assert is_held(cast.cluster_id), "this one holds, as far as anybody knows"
    monkeypatch.undo()
    with tenant(cast.cluster_id):
        Hold.objects.exclude(accepted_until=None).update(accepted_until=cast.now - timedelta(seconds=1))
    release(cast)
    hold(cast.cluster_id)
    assert is_held(cast.cluster_id)


def test_at_the_command_line(cast: Cast) -> None:
    staff = f"staff-{uuid4()}@clustr.test"
    people.create_platform_staff(email=staff, name="Ngozi", now=cast.now)
    hold(cast.cluster_id)
    assert f"{cast.cluster_id}  {cast.palm_grove.name}  ledger.guarded_balance" in run()
    id, why = str(cast.cluster_id), ("--reason", "A slip of ours")
    for lacking in ((), why, ("--by", staff), (*why, "--by", "nobody@x.test")):
        with pytest.raises(CommandError):
            run(id, *lacking)
    assert "ledger.guarded_balance" in run(id, *why, "--by", staff)
    assert (is_held(cast.cluster_id), id in run()) == (False, False)
    with pytest.raises(CommandError):
        run(id, *why, "--by", staff)


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("release_money", *arguments, stdout=said)
    return said.getvalue()
