"""Money to a bank account: sent once, known to have arrived, or back where it came from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from clustr.kit import clock
from clustr.kit.invariants import violations
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as ledger_queries
from clustr.ledger.types import AccountKind
from clustr.notifications.types import NotificationEvents
from clustr.wallets import commands as wallets
from clustr.wallets.models import Payout
from clustr.wallets.refusals import PayoutDecided
from clustr.wallets.types import Destination
from tests.canaries import stored
from tests.cast import Cast
from tests.money import cluster_balance, fund, naira, no_pin, wallet_balance
from tests.notifications.acts import told
from tests.settlement.stage import Stage
from tests.wallets.acts import credit, erase, owner_not_found

pytestmark = pytest.mark.usefixtures("books")

BANK = Destination("044", "0690000031", "Bola Adeyemi")
AFTER_COOLING = {"hours": 25}


def withdrawn(cast: Cast, amount: str = "400.00") -> UUID:
    fund(cast, cast.bola, "1000.00")
    made = wallets.withdraw(
        actor=cast.bola.actor, amount=naira(amount), destination=BANK, authorization=no_pin(cast.bola), now=cast.now
    )
    return made.id


def fees_of(cast: Cast) -> str:
    """What stands on the account of providers' fees: below nothing, what the estate still has to bear."""
    with tenant(cast.cluster_id):
        account = ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency="NGN")
        return str(ledger_queries.balance(account_id=account, currency="NGN"))


def test_it_works(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "processing"
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.transaction(payout).status == "completed"
    assert wallet_balance(cast.bola) == "600.00"


def test_a_new_bank_account_waits_and_its_owner_is_told(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    assert stage.send(payout).status == "pending"
    assert len(told(cast.bola, NotificationEvents.NEW_PAYEE)) == 1
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "processing"
    again = wallets.withdraw(
        actor=cast.bola.actor,
        amount=naira("100.00"),
        destination=BANK,
        authorization=no_pin(cast.bola),
        now=stage.now,
    )
    assert stage.send(again.id).status == "processing"
    assert len(told(cast.bola, NotificationEvents.NEW_PAYEE)) == 1


def test_an_account_from_which_a_payout_was_called_back_is_as_a_new_one(stage: Stage, cast: Cast) -> None:
    """Who stole a session tries a naira, is found out, and waits until nobody looks any more."""

    def withdraw(amount: str) -> UUID:
        made = wallets.withdraw(
            actor=cast.bola.actor,
            amount=naira(amount),
            destination=BANK,
            authorization=no_pin(cast.bola),
            now=stage.now,
        )
        return made.id

    tried = withdrawn(cast, "1.00")
    wallets.cancel_withdrawal(actor=cast.bola.actor, payout_id=tried, now=stage.now)
    stage.wait(**AFTER_COOLING)
    again = withdraw("900.00")
    assert stage.send(again).status == "pending"
    assert len(told(cast.bola, NotificationEvents.NEW_PAYEE)) == 2
    stage.wait(hours=12)
    beside = withdraw("50.00")
    assert len(told(cast.bola, NotificationEvents.NEW_PAYEE)) == 2
    stage.wait(hours=13)
    assert [stage.send(payout).status for payout in (again, beside)] == ["processing"] * 2
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.send(withdraw("10.00")).status == "processing"


def test_a_frozen_wallet_holds_what_was_not_sent(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    wallets.freeze_wallet(actor=cast.bola.actor, now=stage.now)
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "pending"
    stage.sweep()
    assert stage.transaction(payout).status == "pending"
    wallets.unfreeze_wallet(actor=cast.bola.actor, authorization=None, now=stage.now)
    assert stage.send(payout).status == "processing"


def test_everyone_who_may_move_the_clusters_money_is_told_of_a_new_account(stage: Stage, cast: Cast) -> None:
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("300.00"), description="Diesel", destination=BANK, now=stage.now
    )
    assert len(told(cast.ada, NotificationEvents.NEW_PAYEE)) == 1
    assert not told(cast.efe, NotificationEvents.NEW_PAYEE)


def test_no_bank_account_stands_in_the_database(stage: Stage, cast: Cast) -> None:
    """Sent to and heard of, by a member and by the estate: its last four digits at most."""
    theirs, ours = Destination("044", "0690174826", "Bola Adeyemi"), Destination("044", "0690538174", "Estate")
    fund(cast, cast.bola, "1000.00")
    withdrawal = wallets.withdraw(
        actor=cast.bola.actor, amount=naira("100.00"), destination=theirs, authorization=no_pin(cast.bola), now=cast.now
    )
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=cast.now
    )
    sent = wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("300.00"), description="Diesel", destination=ours, now=cast.now
    )
    stage.wait(**AFTER_COOLING)
    for payout in (withdrawal.id, sent):
        stage.send(payout)
    stage.wait(minutes=1)
    stage.hooks()
    stage.sweep()
    assert {stage.transaction(payout).status for payout in (withdrawal.id, sent)} == {"completed"}
    assert [stored(one.account_number) for one in (theirs, ours)] == [[], []]
    assert stored("Diesel") != [], "the search finds nothing that is there"


def test_a_payout_that_came_back_before_the_clock_was_moved_on_alarms_nobody(
    stage: Stage, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A demonstration's clock: ids are made by the machine's, which was not moved."""
    stage.dial(transfer__failed=1.0)
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.transaction(payout).status == "failed"
    monkeypatch.setattr(clock, "_offset_file", tmp_path / "clock-offset")
    clock.move(stage.now - cast.now + timedelta(hours=1))
    lately = violations(cluster_id=cast.cluster_id, since=clock.now() - timedelta(minutes=10))
    assert [found.invariant.name for found in lately] == []


def test_a_failed_payout_comes_back_whole(stage: Stage, cast: Cast) -> None:
    stage.dial(transfer__failed=1.0)
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    failed = stage.transaction(payout)
    assert failed.status == "failed"
    assert failed.failure is not None
    assert wallet_balance(cast.bola) == "1000.00"
    assert len(told(cast.bola, NotificationEvents.PAYOUT_RETURNED)) == 1


def test_a_payout_that_bounces_days_later_comes_back_once(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.transaction(payout).status == "completed"
    _end_transfer(stage, "reversed")
    for _ in range(3):
        stage.hooks()
        stage.confirm(payout)
    assert stage.transaction(payout).status == "refunded"
    assert wallet_balance(cast.bola) == "1000.00"
    assert [case.kind for case in stage.cases()] == ["payout_bounced"]


def test_a_payout_that_bounces_brings_its_fee_back_once(stage: Stage, cast: Cast) -> None:
    """Also where the estate has borne it meanwhile: then it counts against the next fees."""
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    assert fees_of(cast) == "-10.00"
    credit(cast, "100.00")
    wallets.charge_fees_to_cluster(cluster_id=cast.cluster_id, now=stage.now)
    assert (fees_of(cast), cluster_balance(cast.cluster_id)) == ("0.00", "90.00")
    _end_transfer(stage, "reversed")
    for _ in range(3):
        stage.hooks()
        stage.confirm(payout)
    assert (fees_of(cast), cluster_balance(cast.cluster_id)) == ("10.00", "90.00")
    again = withdrawn(cast, "300.00")
    stage.send(again)
    stage.wait(minutes=1)
    stage.sweep()
    wallets.charge_fees_to_cluster(cluster_id=cast.cluster_id, now=stage.now)
    assert (fees_of(cast), cluster_balance(cast.cluster_id)) == ("0.00", "90.00")


def test_a_payout_that_bounces_to_who_is_no_longer_there_waits_in_suspense(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast, "1000.00")
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    erase(cast)
    _end_transfer(stage, "reversed")
    stage.hooks()
    stage.confirm(payout)
    assert (stage.transaction(payout).status, wallet_balance(cast.bola)) == ("refunded", "0.00")
    (back,) = wallets.waiting_in_suspense(cluster_id=cast.cluster_id)
    assert (back.subject_id, str(back.amount)) == (payout, "1000.00")
    assert owner_not_found(cast) == [back.id]


def test_sending_twice_sends_once(stage: Stage, cast: Cast) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.send(payout)
    assert len(_transfers(stage)) == 1


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "error_after"])
def test_a_payout_that_was_sent_and_not_heard_is_sent_once(stage: Stage, cast: Cast, fault: str) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.dial(**{f"transfer__{fault}": 1.0})
    assert stage.send(payout).status in ("unknown", "processing")
    stage.heal()
    for _ in range(8):
        stage.wait(minutes=10)
        stage.sweep()
    assert stage.transaction(payout).status == "completed"
    assert len(_transfers(stage)) == 1
    assert wallet_balance(cast.bola) == "600.00"


@pytest.mark.parametrize("fault", ["timeout_before", "reset_before", "error_before"])
def test_a_payout_that_never_got_there_is_sent_again_with_the_same_reference(
    stage: Stage, cast: Cast, fault: str
) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.dial(**{f"transfer__{fault}": 1.0})
    stage.send(payout)
    stage.heal()
    for _ in range(8):
        stage.wait(minutes=10)
        stage.sweep()
    assert stage.transaction(payout).status == "completed"
    assert [row["reference"] for row in _transfers(stage)] == [stage.attempt(payout).reference]


def test_a_transfer_above_the_limit_is_sent_only_when_a_second_person_approved(stage: Stage, cast: Cast) -> None:
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("3000000.00"), description="Grant", source="State", now=stage.now
    )
    payout = wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("2000000.00"), description="Road", destination=BANK, now=stage.now
    )
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "pending"
    with tenant(cast.cluster_id):
        assert Payout.objects.get(id=payout).approval == "waiting"
    assert cluster_balance(cast.cluster_id) == "1000000.00"


def test_a_transfer_is_stopped_while_its_account_is_new_and_not_when_it_is_on_its_way(stage: Stage, cast: Cast) -> None:
    dele = cast.manager("TransferFunds", name="Dele")
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    stopped, sent = (
        wallets.transfer_from_cluster_wallet(
            actor=cast.ada.actor, amount=naira("300.00"), description="Diesel", destination=BANK, now=stage.now
        )
        for _ in range(2)
    )
    wallets.reject_transfer(actor=dele.actor, payout_id=stopped, note="Who is that?", now=stage.now)
    stage.wait(**AFTER_COOLING)
    assert (stage.send(stopped).status, stage.send(sent).status) == ("cancelled", "processing")
    with pytest.raises(PayoutDecided):
        wallets.reject_transfer(actor=dele.actor, payout_id=sent, note="Too late", now=stage.now)
    assert len(_transfers(stage)) == 1
    assert cluster_balance(cast.cluster_id) == "700.00"


def _transfers(stage: Stage) -> list[dict[str, object]]:
    found: list[dict[str, object]] = stage._control("GET", "/state")["transfer"]
    return found


def _end_transfer(stage: Stage, status: str) -> None:
    (transfer,) = _transfers(stage)
    stage._control("POST", f"/transfer/{transfer['id']}", {"status": status})
