"""Providers pay from one balance for all estates: nobody's payout leaves them beyond what they hold for their own."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import UUID

import pytest

from clustr.payments.refusals import RefundExceedsPayment
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.queries import sendable_payouts
from clustr.wallets.refusals import NotCovered
from tests.cast import Cast
from tests.money import cluster_balance, fund, naira, no_pin, wallet_balance
from tests.races import race
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import AFTER_COOLING, BANK, _transfers
from tests.web.asking import OFFICE
from tests.web.pages.browsing import Browser

pytestmark = pytest.mark.usefixtures("books", "cover")
WHY = "Payment providers do not hold enough of the estate's money yet."


def took_in(stage: Stage, amount: str, provider: str = "paystack") -> UUID:
    """A member's payment by card into their wallet: of 300.00 the provider holds 295.50, 4.50 is its fee."""
    checkout = stage.deposit(stage.cast.efe, amount, provider)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    return checkout.transaction.id


def credit(cast: Cast, amount: str) -> None:
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira(amount), description="Hall", source="Hire", now=cast.now
    )


def transfer(stage: Stage, amount: str) -> UUID:
    cast = stage.cast
    return wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira(amount), description="Diesel", destination=BANK, now=stage.now
    )


def withdraw(stage: Stage, amount: str) -> UUID:
    cast = stage.cast
    asked: dict[str, Any] = {"amount": naira(amount), "destination": BANK, "authorization": no_pin(cast.bola)}
    return wallets.withdraw(actor=cast.bola.actor, now=stage.now, **asked).id


def open_cases(stage: Stage) -> list[str]:
    return [case.kind for case in stage.cases() if case.closed_at is None]


def waiting(stage: Stage) -> list[UUID]:
    found = sendable_payouts(now=stage.now, limit=100_000)
    return [place.transaction_id for place in found if place.cluster_id == stage.cast.cluster_id]


def arrive(stage: Stage) -> None:
    stage.wait(minutes=1)
    stage.sweep()


def test_what_an_estate_wrote_into_its_wallet_waits_for_money_of_its_own(stage: Stage, cast: Cast) -> None:
    took_in(stage, "300.00")
    credit(cast, "900000.00")
    payout = transfer(stage, "700.00")
    stage.wait(**AFTER_COOLING)
    for _ in range(3):
        assert stage.send(payout).status == "pending"
    assert _transfers(stage) == []
    assert open_cases(stage) == ["not_covered"]
    office = Browser(cast.ada)
    office.open(f"/office/wallet/transfers/{payout}/")
    assert WHY in unescape(office.text)
    assert WHY in str(cast.client_of(cast.ada).get(OFFICE + "cluster_wallet/").json()["operations"])
    took_in(stage, "500.00")
    assert waiting(stage) == [payout], "nobody need ask for it again"
    assert stage.send(payout).status == "processing"
    assert (open_cases(stage), [case.note for case in stage.cases()]) == (
        [],
        ["There is enough for it at the providers."],
    )
    office.open(f"/office/wallet/transfers/{payout}/")
    assert WHY not in unescape(office.text)


def test_cash_that_went_into_a_members_wallet_is_not_withdrawn_from_others(stage: Stage, cast: Cast) -> None:
    fund(cast, cast.bola, "1000.00")
    payout = withdraw(stage, "400.00")
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "pending"
    wallets.cancel_withdrawal(actor=cast.bola.actor, payout_id=payout, now=stage.now)
    assert wallet_balance(cast.bola) == "1000.00"
    assert open_cases(stage) == []


def test_what_is_on_its_way_and_what_went_count(stage: Stage, cast: Cast) -> None:
    took_in(stage, "1000.00")
    fund(cast, cast.bola, "3000.00")
    payouts = [withdraw(stage, "400.00") for _ in range(3)]
    stage.wait(**AFTER_COOLING)
    assert [stage.send(payout).status for payout in payouts] == ["processing", "processing", "pending"]
    arrive(stage)
    assert [stage.send(payout).status for payout in payouts] == ["completed", "completed", "pending"]


def test_what_came_back_can_go_again(stage: Stage, cast: Cast) -> None:
    took_in(stage, "500.00")
    fund(cast, cast.bola, "3000.00")
    first, second = withdraw(stage, "400.00"), withdraw(stage, "450.00")
    stage.wait(**AFTER_COOLING)
    stage.dial(transfer__failed=1.0)
    assert [stage.send(payout).status for payout in (first, second)] == ["processing", "pending"]
    arrive(stage)
    assert stage.transaction(first).status == "failed"
    stage.heal()
    assert stage.send(second).status == "processing"


def test_what_another_provider_holds_counts_once(stage: Stage, cast: Cast) -> None:
    """Money that came in by one leaves by another; not what is on its way from there."""
    took_in(stage, "1000.00", "flutterwave")
    fund(cast, cast.bola, "3000.00")
    payouts = [withdraw(stage, "600.00") for _ in range(2)]
    stage.wait(**AFTER_COOLING)
    assert [stage.send(payout).status for payout in payouts] == ["processing", "pending"]
    took_in(stage, "1000.00")
    assert stage.send(payouts[1]).status == "processing"


def test_what_goes_back_to_its_payer_comes_first(stage: Stage, cast: Cast) -> None:
    """What they paid covers it, the provider's fee with it; and it is kept for them from when it is asked for."""
    charge = took_in(stage, "1000.00")
    fund(cast, cast.bola, "3000.00")
    payout = withdraw(stage, "400.00")
    stage.wait(**AFTER_COOLING)
    refund = settlement.refund_to_source(
        actor=cast.ada.actor, transaction_id=charge, amount=None, reason="By mistake", now=stage.now
    )
    assert stage.send(payout).status == "pending"
    settlement.send_refund(cluster_id=cast.cluster_id, transaction_id=refund.id, now=stage.now)
    assert stage.transaction(refund.id).status != "pending"
    assert stage.send(payout).status == "pending"


def test_what_was_paid_out_since_does_not_go_back_from_others_money(stage: Stage, cast: Cast) -> None:
    """A friend's card, the estate's bank, and a credit by hand: the friend would have it back from all estates."""
    charge = took_in(stage, "1000.00")
    fund(cast, cast.bola, "3000.00")
    payout = withdraw(stage, "600.00")
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "processing"
    asked: dict[str, Any] = {
        "actor": cast.ada.actor,
        "transaction_id": charge,
        "reason": "By mistake",
        "now": stage.now,
    }
    with pytest.raises(NotCovered):
        settlement.refund_to_source(amount=None, **asked)
    assert stage.transaction(charge).refunded_minor == 0
    part = settlement.refund_to_source(amount=naira("400.00"), **asked)
    assert part.status == "pending", "with the provider's fee, which the estate bears"


def test_a_refund_and_a_payout_at_once(stage: Stage, cast: Cast) -> None:
    charge = took_in(stage, "1000.00")
    fund(cast, cast.bola, "3000.00")
    payout = withdraw(stage, "600.00")
    stage.wait(**AFTER_COOLING)

    def refund() -> None:
        settlement.refund_to_source(
            actor=cast.ada.actor, transaction_id=charge, amount=None, reason="By mistake", now=stage.now
        )

    def send() -> None:
        settlement.send_payout(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)

    ended = race([refund, send] * 2).only(NotCovered, RefundExceedsPayment)
    sent = stage.transaction(payout).status == "processing"
    assert sent == (ended.refused["NotCovered"] == 2)


def test_of_two_at_once_one_goes(stage: Stage, cast: Cast) -> None:
    took_in(stage, "500.00")
    fund(cast, cast.bola, "8000.00")
    credit(cast, "8000.00")
    payouts = [make(stage, "400.00") for make in (withdraw, transfer) * 4]
    stage.wait(**AFTER_COOLING)

    def send(payout: UUID) -> Any:
        return lambda: settlement.send_payout(cluster_id=cast.cluster_id, transaction_id=payout, now=stage.now)

    race([send(payout) for payout in payouts]).only()
    assert len(_transfers(stage)) == 1
    assert sorted(stage.transaction(payout).status for payout in payouts) == ["pending"] * 7 + ["processing"]


def test_what_waits_keeps_nobody_elses_from_being_looked_at(stage: Stage, cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    old = [withdraw(stage, "400.00") for _ in range(2)]
    stage.wait(**AFTER_COOLING)
    for payout in old:
        stage.send(payout)
    new = withdraw(stage, "1.00")
    assert waiting(stage) == [new, *old]


def test_whoever_tops_up_the_provider_may_say_so(stage: Stage, cast: Cast, settings: Any) -> None:
    credit(cast, "1000.00")
    payout = transfer(stage, "700.00")
    stage.wait(**AFTER_COOLING)
    assert stage.send(payout).status == "pending"
    settings.ENV = settings.ENV.model_copy(update={"PAYOUTS_BEYOND_COVER": True})
    assert stage.send(payout).status == "processing"
    assert (open_cases(stage), cluster_balance(cast.cluster_id)) == ([], "300.00")
