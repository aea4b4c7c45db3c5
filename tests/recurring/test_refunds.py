"""A contribution is given back: to its payer's wallet, to the card it came from, or because a bank took it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from clustr.bills.types import BillType
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.notifications.queries import my_notifications
from clustr.payments.models import Transaction
from clustr.payments.refusals import NotRefundable, RefundExceedsPayment, TransactionNotFound
from clustr.payments.states import Purpose
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.queries import bill_collections, cluster_wallet_operations, cluster_wallet_revenue
from clustr.wallets.refusals import SeparationOfDuties
from tests.bills.acts import pay
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, wallet_balance
from tests.races import race
from tests.recurring.acts import order_of, process, runs
from tests.recurring.cards import by_card, charges, run
from tests.settlement.stage import Stage, stage
from tests.wallets.acts import erase, owner_not_found

__all__ = ["stage"]
pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def contribution(cast: Cast) -> UUID:
    fund(cast, cast.bola, "1000.00")
    order_of(cast, "1000.00")
    process(cast)
    with tenant(cast.cluster_id):
        return Transaction.objects.get(purpose=Purpose.RECURRING_PAYMENT).id


def give_back(cast: Cast, id: UUID, amount: str | None = None, **more: object) -> Transaction:
    asked = {"actor": cast.ada.actor, "transaction_id": id, "reason": "Too much", "now": cast.now, **more}
    return settlement.refund_to_wallet(amount=naira(amount) if amount else None, **asked)  # type: ignore[arg-type]


def test_it_works(cast: Cast, contribution: UUID) -> None:
    refund = give_back(cast, contribution, "300.00")
    assert (refund.type, refund.status, refund.description) == ("refund", "completed", "Too much")
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("300.00", "700.00")
    with tenant(cast.cluster_id):
        line = cluster_wallet_operations(actor=cast.ada.actor)[0]
        revenue = cluster_wallet_revenue(actor=cast.ada.actor, now=cast.now)
        notice = my_notifications(actor=cast.bola.actor, limit=1)[0]
    assert (line.kind, line.incoming, str(line.amount), line.actor_id) == ("refund", False, "300.00", cast.ada.user_id)
    assert (str(revenue.this_year), {name: str(sum) for name, sum in revenue.by_type.items()}) == (
        *("700.00", {"contribution": "700.00"}),
    )
    assert (notice.title, '"Garden"' in notice.body, "Too much" in notice.body) == ("Refunded: ₦300.00", True, True)
    assert [made.amount_minor for made in runs(cast, _order(cast))] == [1000_00]
    give_back(cast, contribution)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("1000.00", "0.00")
    with pytest.raises(RefundExceedsPayment):
        give_back(cast, contribution)


def _order(cast: Cast) -> UUID:
    from clustr.recurring.models import RecurringPayment

    with tenant(cast.cluster_id):
        return RecurringPayment.objects.get().id


def test_never_more_than_was_given_and_only_once_however_many_ask(cast: Cast, contribution: UUID) -> None:
    with pytest.raises(RefundExceedsPayment):
        give_back(cast, contribution, "1000.01")
    race(partial(give_back, cast, contribution, "600.00")).only(RefundExceedsPayment)
    assert wallet_balance(cast.bola) == "600.00"


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("chidi", TransactionNotFound), ("efe", Refusal), ("bola", Refusal), ("dayo", TransactionNotFound)],
)
def test_not_by_just_anybody(cast: Cast, contribution: UUID, who: str, refusal: type[Refusal]) -> None:
    with pytest.raises((refusal, Refusal)):
        give_back(cast, contribution, actor=getattr(cast, who).actor)
    assert wallet_balance(cast.bola) == "0.00"


def test_nobody_gives_back_to_themselves(cast: Cast, contribution: UUID) -> None:
    with pytest.raises(SeparationOfDuties):
        give_back(cast, contribution, actor=replace(cast.bola.actor, permissions=frozenset({"TransferFunds"})))


def test_not_what_the_estate_does_not_hold_any_more(cast: Cast, contribution: UUID) -> None:
    from clustr.wallets import commands as wallets
    from tests.settlement.test_payouts import BANK

    wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor, amount=naira("900.00"), description="Diesel", destination=BANK, now=cast.now
    )
    with pytest.raises(InsufficientFunds):
        give_back(cast, contribution, "200.00")


def test_what_a_card_gave_goes_back_to_the_card_or_to_the_wallet(stage: Stage, cast: Cast) -> None:
    by_card(stage)
    run(stage)
    give_back(cast, charges(stage)[0], "100.00")
    back = settlement.refund_to_source(
        actor=cast.ada.actor, transaction_id=charges(stage)[0], amount=naira("900.00"), reason="Twice", now=stage.now
    )
    for _ in range(3):
        settlement.confirm_payment(cluster_id=cast.cluster_id, transaction_id=back.id, now=stage.now)
        stage.wait(minutes=1)
    assert stage.transaction(back.id).status == "completed"
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("200.00", "0.00")
    with tenant(cast.cluster_id):
        collected = bill_collections(actor=cast.ada.actor, now=stage.now)
        revenue = cluster_wallet_revenue(actor=cast.ada.actor, now=stage.now)
    assert {str(sum) for sum in (*collected.by_month.values(), *collected.by_day.values())} == {
        "0.00"
    }  # a contribution is no bill, nor is what goes back of it
    assert sum(month.minor for month in revenue.by_month.values()) == 0


def test_what_a_bank_takes_back_of_a_contribution_the_estate_bears(stage: Stage, cast: Cast) -> None:
    by_card(stage)
    run(stage)
    body = {"provider": "paystack", "reference": stage.attempt(charges(stage)[0]).reference}
    dispute = stage._control("POST", "/chargeback", body)["id"]
    stage._control("POST", f"/dispute/{dispute}", {"event": "resolve", "resolution": "auto-accepted"})
    stage.hooks()
    assert stage.transaction(charges(stage)[0]).status == "refunded"
    stage.charge_fees()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "0.00")
    with tenant(cast.cluster_id):
        revenue = cluster_wallet_revenue(actor=cast.ada.actor, now=stage.now)
    assert sum(month.minor for month in revenue.by_month.values()) == 0


def test_what_is_won_for_a_contribution_is_the_estates_who_bore_it(stage: Stage, cast: Cast) -> None:
    by_card(stage)
    run(stage)
    stage.charge_fees()
    before = cluster_balance(cast.cluster_id)
    body = {"provider": "paystack", "reference": stage.attempt(charges(stage)[0]).reference}
    dispute = stage._control("POST", "/chargeback", body)["id"]
    for resolution in ("auto-accepted", "declined"):
        stage._control("POST", f"/dispute/{dispute}", {"event": "resolve", "resolution": resolution})
        stage.hooks()
        stage.charge_fees()
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", before)


def test_what_a_card_paid_for_bills_is_given_back_as_the_bills_payments(stage: Stage, cast: Cast) -> None:
    bill = issue(cast, "80.00")
    acknowledge(cast, cast.bola, bill)
    by_card(stage, bill_type=BillType.SERVICE_CHARGE)
    run(stage)
    with pytest.raises(NotRefundable):
        give_back(cast, charges(stage)[0])
    with tenant(cast.cluster_id):
        payment = Transaction.objects.get(purpose=Purpose.BILL).id
    give_back(cast, payment, now=cast.now + timedelta(hours=3))
    assert wallet_balance(cast.bola) == "180.00"
    pay(cast, cast.bola, bill)
    assert cluster_balance(cast.cluster_id) == "80.00"


def test_what_goes_back_to_who_is_no_longer_there_waits_in_suspense(cast: Cast, contribution: UUID) -> None:
    erase(cast)
    refund = give_back(cast, contribution)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("0.00", "0.00")
    assert [waiting.id for waiting in wallets.waiting_in_suspense(cluster_id=cast.cluster_id)] == [refund.id]
    assert owner_not_found(cast) == [refund.id]
    wallets.place_suspense(
        cluster_id=cast.cluster_id,
        transaction_id=refund.id,
        user_id=None,
        amount=None,
        reason="They left it to the estate",
        placed_by=cast.ada.user_id,
        now=cast.now,
    )
    assert (cluster_balance(cast.cluster_id), owner_not_found(cast)) == ("1000.00", [])
