"""What is said to come is what then happens: limits, what the wallet is to keep, standing orders, cards, and what comes often."""

from __future__ import annotations

from datetime import time, timedelta
from uuid import UUID

import pytest

from clustr.bills.types import BillType
from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.tenancy import tenant
from clustr.payments.commands import remove_method
from clustr.payments.pricing import surcharge_on
from clustr.payments.providers import paystack
from clustr.recurring import commands
from clustr.recurring.automation_types import ScheduleKind, ScheduleTerms, UpcomingView
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.types import PaymentSource
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, naira, wallet_balance
from tests.recurring.acts import order_of
from tests.recurring.automating import Automations, automations
from tests.utilities.counter import CABLE, SMART_CARD

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")
WEEKLY = ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8))
OTHER, FIXED = "04587654321", "1800.00"


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")


def ahead(automations: Automations) -> dict[UUID, UpcomingView]:
    with tenant(automations.cast.cluster_id):
        views = upcoming_automations(actor=automations.cast.bola.actor, now=automations.counter.now)
    return {view.automation_id: view for view in views}


def missing(automations: Automations, id: UUID) -> str:
    """What the last run of it was short of, as it then was."""
    return str(automations.history(id)[-1].shortfall)


def test_what_the_wallet_is_to_keep_and_the_months_limit(automations: Automations) -> None:
    keeps = automations.set_up(minimum_balance="9000.00")
    limited = automations.set_up(automations.number(OTHER), spending_limit="4000.00", priority=200)
    said = ahead(automations)
    assert (str(said[keeps].shortfall), str(said[limited].shortfall)) == ("1100.00", "0.00")
    automations.next_day()
    assert automations.states(keeps)[-1] == ("waiting", "insufficient_funds")
    assert missing(automations, keeps) == str(said[keeps].shortfall)
    assert automations.states(limited)[-1] == ("completed", "")
    assert ahead(automations)[limited].over_limit
    automations.next_day()
    assert automations.states(limited)[-1] == ("skipped", "spending_limit")


def test_standing_orders_and_what_is_bought_often_come_before(automations: Automations, cast: Cast) -> None:
    daily = automations.set_up(amount="1000.00")
    weekly = automations.set_up(automations.number(OTHER), amount="6000.00", schedule=WEEKLY)
    now = automations.counter.now
    order_of(cast, "1500.00", start_date=now + timedelta(hours=1), now=now)
    order_of(cast, "90000.00", start_date=now + timedelta(hours=1), now=now)
    said = ahead(automations)
    assert str(said[daily].shortfall) == "0.00"
    days = (said[weekly].due_at - said[daily].due_at).days
    for _ in range(days + 1):
        automations.counter.wait(days=1)
        commands.process_recurring_payments_of(cluster_id=cast.cluster_id, now=automations.counter.now)
        automations.run()
    assert automations.states(weekly)[-1] == ("waiting", "insufficient_funds")
    assert missing(automations, weekly) == str(said[weekly].shortfall) != "0.00"


def test_a_card_that_pays_and_one_that_is_gone(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    by_card = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card, amount="20000.00")
    backed = automations.set_up(automations.number(OTHER), payment_method_id=card, amount="15000.00")
    said = ahead(automations)
    assert [(str(said[id].shortfall), said[id].card_missing) for id in (by_card, backed)] == [("0.00", False)] * 2
    automations.next_day()
    automations.run()
    assert [automations.states(id)[-1] for id in (by_card, backed)] == [("completed", "")] * 2
    remove_method(actor=cast.bola.actor, method_id=card, now=automations.counter.now)
    said, holds = ahead(automations), wallet_balance(cast.bola)
    assert (said[by_card].card_missing, str(said[by_card].shortfall)) == (True, "0.00")
    assert (holds, str(said[backed].shortfall)) == ("10100.00", "5000.00")
    automations.next_day()
    assert automations.states(by_card)[-1] == ("waiting", "card_gone")
    assert missing(automations, backed) == str(said[backed].shortfall)


def test_when_the_member_would_buy_by_their_own_habit(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "20000.00")
    account = automations.number()
    for days in (4, 4, 9):
        automations.counter.vend(automations.counter.buy(cast.bola, "1000.00"))
        last = automations.counter.now
        automations.counter.wait(days=days)
    expected = automations.set_up(account, amount=None, max_amount="5000.00")
    named = automations.set_up(automations.number(OTHER), amount="1000.00")
    said = ahead(automations)
    assert said[expected].expected_at == last + timedelta(days=4)
    assert said[named].expected_at is None, "its member named the amount and the day"


def test_what_a_card_pays_on_bills_the_wallet_does_not_pay_again(automations: Automations, cast: Cast) -> None:
    bought = automations.set_up(amount="9000.00")
    now = automations.counter.now
    bill = issue(cast, "8000.00", to=cast.bola, due_date=now + timedelta(days=20))
    acknowledge(cast, cast.bola, bill)
    terms = {"bill_type": BillType.SERVICE_CHARGE, "now": now}
    by_card = {"payment_source": PaymentSource.CARD, "payment_method_id": automations.card()}
    order_of(cast, "6000.00", start_date=now + timedelta(minutes=1), **by_card, **terms)  # type: ignore[arg-type]
    order_of(cast, "9000.00", start_date=now + timedelta(minutes=2), **terms)  # type: ignore[arg-type]
    assert str(ahead(automations)[bought].shortfall) == "1000.00", "of 10,100 the wallet pays the 2,000 that are left"


def test_who_pays(automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wallet that covers it, a card that always pays, and one that stands in for the wallet, each with its fee."""
    card = automations.card()
    covered = automations.set_up(payment_method_id=card, priority=1)
    backed = automations.set_up(automations.number(OTHER), payment_method_id=card, amount="15000.00")
    by_card = automations.set_up(
        automations.number(SMART_CARD, CABLE), payment_source=PaymentSource.CARD, payment_method_id=card, amount=FIXED
    )
    said = ahead(automations)
    paid = {id: (view.paid_by.value, view.stands_in, str(view.card_fee)) for id, view in said.items()}
    assert paid == {
        covered: ("wallet", False, "0.00"),
        backed: ("card", True, "0.00"),
        by_card: ("card", False, "0.00"),
    }
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)
    fees = {id: view.card_fee.minor for id, view in ahead(automations).items()}
    assert fees[covered] == 0
    assert fees[backed] == surcharge_on(provider="paystack", amount=said[backed].fee + naira("15000.00")) > 0
    assert fees[by_card] > 0
    monkeypatch.setitem(paystack._LEAST_MINOR, "NGN", 100_000_00)
    said = ahead(automations)
    assert (said[by_card].beyond_card, said[backed].beyond_card) == ("card_too_little", "")
    assert (said[backed].paid_by.value, said[backed].stands_in, said[backed].shortfall.minor > 0) == (
        "wallet",
        False,
        True,
    )
    automations.next_day()
    assert automations.states(by_card)[-1] == ("skipped", "card_too_little")
    assert missing(automations, backed) == str(said[backed].shortfall)
