"""Automations buy what their members let them: in time, in order, within every limit, once a period, and never a kobo more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from clustr.audit.models import AuditEvent
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.payments.models import Transaction
from clustr.payments.providers import paystack
from clustr.recurring import commands
from clustr.recurring.automation_refusals import (
    AutomationAmountInvalid,
    AutomationCardInvalid,
    AutomationNotFound,
    AutomationScheduleInvalid,
    TooLittleHistory,
)
from clustr.recurring.automation_types import AutomationState, ScheduleKind, ScheduleTerms
from clustr.recurring.types import PaymentSource
from clustr.settlement import commands as settlement
from clustr.utilities.refusals import (
    AmountOutOfRange,
    UtilityAccountNotFound,
    UtilityPinNeeded,
)
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PinRequired
from clustr.wallets.types import SpendAuthorization
from tests.cast import Cast
from tests.money import fund, naira, wallet_balance
from tests.notifications.acts import told
from tests.recurring.automating import Automations, automations, terms_of
from tests.utilities.counter import CABLE, GOTV, METER, SMART_CARD, WATER

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")
PIN = "482915"


def test_it_works(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    assert automations.run().bought == 0, "its time has not come"
    assert automations.next_day().bought == 1
    (run,) = automations.history(id)
    assert (run.state.value, str(run.amount), str(run.fee)) == ("completed", "2000.00", "100.00")
    bought = automations.counter.view(run.purchase_ids[0])
    assert bought.is_automated
    assert bought.token == automations.counter.vends()[0]["token"] != ""
    assert automations.counter.bill(bought.bill_id).is_automated
    assert wallet_balance(cast.bola) == "7900.00"
    assert str(automations.view(id).spent_this_month) == "2100.00"
    for _ in range(3):
        automations.run()
    assert (len(automations.counter.vends()), wallet_balance(cast.bola)) == (1, "7900.00")
    assert automations.next_day().bought == 1


def test_off_until_the_member_opts_in(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up(enable=False)
    assert automations.view(id).state is AutomationState.OFF
    automations.next_day(3)
    assert automations.history(id) == []
    automations.edit(id, enable=True)
    assert automations.next_day().bought == 1
    automations.edit(id, enable=False)
    automations.next_day(3)
    assert len(automations.history(id)) == 1


def test_off_ends_what_waits(automations: Automations, cast: Cast) -> None:
    id = automations.set_up()
    automations.next_day()
    assert automations.states(id) == [("waiting", "insufficient_funds")]
    automations.edit(id, enable=False)
    assert automations.states(id) == [("stopped", "insufficient_funds")]
    fund(cast, cast.bola, "10000.00")
    assert automations.next_day().bought == 0


def test_of_what_was_missed_the_last_runs(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "30000.00")
    id = automations.set_up()
    automations.next_day(5)
    (run,) = automations.history(id)
    assert automations.counter.now - run.due_at < automations.counter.now - automations.counter.now.replace(hour=0)
    automations.run()
    assert len(automations.history(id)) == 1


# --- What it may not exceed ---------------------------------------------------------------------------------------------


def test_its_spending_limit_of_a_month(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "100000.00")
    id = automations.set_up(spending_limit="4200.00")
    outcomes = [automations.next_day() for _ in range(4)]
    assert [(one.bought, one.limited) for one in outcomes] == [(1, 0), (1, 0), (0, 1), (0, 1)]
    assert automations.states(id)[2:] == [("skipped", "spending_limit")] * 2
    assert str(automations.view(id).spent_this_month) == "4200.00"
    automations.counter.wait(days=31)
    assert automations.run().bought == 1, "the next month has a limit of its own"


def test_the_limit_of_a_type_counts_all_automations_of_it(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "100000.00")
    first, second = automations.number(), automations.number("04587654321")
    automations.set_up(first, amount="2000.00", priority=2)
    last = automations.set_up(second, amount="3000.00", priority=1)
    water = automations.set_up(automations.number("WTR12345", WATER), amount="900.00")
    limit_type(automations, "5199.99")
    assert automations.next_day().limited == 1
    assert automations.states(last) == [("completed", "")]
    automations.counter.ask(automations.history(water)[0].purchase_ids[0])
    automations.follow()
    assert automations.states(water) == [("completed", "")]
    limit_type(automations, None)
    assert automations.next_day().bought == 3


def limit_type(automations: Automations, limit: str | None) -> None:
    from clustr.bills.types import BillType
    from clustr.recurring import commands
    from tests.money import no_pin

    commands.set_spending_limit(
        actor=automations.cast.bola.actor,
        service_type=BillType.ELECTRICITY_UTILITY,
        limit=naira(limit) if limit else None,
        authorization=no_pin(automations.cast.bola),
        now=automations.counter.now,
    )


@pytest.mark.parametrize(("kept", "bought"), [("7900.00", 1), ("7900.01", 0)])
def test_the_minimum_balance_stays(automations: Automations, cast: Cast, kept: str, bought: int) -> None:
    fund(cast, cast.bola, "10000.00")
    automations.set_up(minimum_balance=kept)
    assert automations.next_day().bought == bought


def test_by_priority_where_the_wallet_does_not_cover_all(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "4300.00")
    numbers = [automations.number(f"0451234567{n}") for n in range(3)]
    low, high, small = (
        automations.set_up(number, amount=amount, priority=priority)
        for number, amount, priority in zip(numbers, ("2000.00", "3000.00", "600.00"), (2, 1, 3), strict=True)
    )
    automations.next_day()
    assert [automations.states(id)[0][0] for id in (high, low, small)] == ["completed", "waiting", "completed"]
    assert wallet_balance(cast.bola) == "500.00"
    (waiting,) = automations.history(low)
    assert str(waiting.shortfall) == "900.00", "of what the first had left"


def test_what_waits_keeps_its_place(automations: Automations, cast: Cast) -> None:
    """Of higher priority and tried again later: what is due meanwhile does not take its money."""
    fund(cast, cast.bola, "2150.00")
    first, second = automations.number(), automations.number("04587654321")
    high = automations.set_up(first, priority=1)
    low = automations.set_up(second, priority=2, schedule=ScheduleTerms(ScheduleKind.EVERY_DAYS, 1))
    automations.counter.dial(customer__error_before=1)
    automations.counter.wait(days=1)
    assert automations.run().waiting == 1
    assert automations.states(low) == [("waiting", "insufficient_funds")]
    automations.counter.heal()
    automations.counter.wait(minutes=10)
    assert automations.run().bought == 1
    assert automations.states(high) == [("completed", "")]


# --- What goes wrong ----------------------------------------------------------------------------------------------------


def test_tried_again_and_then_paused(automations: Automations, cast: Cast) -> None:
    id = automations.set_up()
    automations.next_day()
    assert automations.states(id) == [("waiting", "insufficient_funds")]
    automations.counter.wait(hours=6)
    automations.run()
    automations.counter.wait(hours=12)
    automations.run()
    assert automations.states(id) == [("failed", "insufficient_funds")]
    view = automations.view(id)
    assert (view.state, view.stopped_by.value, view.next_run_at) == (AutomationState.PAUSED, "failures", None)
    fund(cast, cast.bola, "10000.00")
    assert automations.next_day().bought == 0
    automations.edit(id, enable=True)
    assert automations.next_day().bought == 1


def test_recovered_on_the_way(automations: Automations, cast: Cast) -> None:
    id = automations.set_up()
    automations.next_day()
    fund(cast, cast.bola, "10000.00")
    assert automations.run().bought == 1, "whatever is tried again buys as soon as the wallet covers it"
    (run,) = automations.history(id)
    assert (run.state.value, run.attempts) == ("completed", 1)


def test_a_definite_no_of_the_utility_is_an_attempt_in_vain(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    automations.counter.dial(bill__refused=1)
    automations.next_day()
    assert automations.states(id) == [("waiting", "vendor_refused")]
    assert wallet_balance(cast.bola) == "10000.00"
    assert str(automations.view(id).spent_this_month) == "0.00"
    automations.counter.heal()
    automations.counter.wait(hours=6)
    assert automations.run().bought == 1
    (run,) = automations.history(id)
    assert (run.state.value, len(run.purchase_ids)) == ("completed", 2)


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before"])
def test_what_is_not_known_is_not_bought_again(automations: Automations, cast: Cast, fault: str) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    automations.counter.dial(**{f"bill__{fault}": 1})
    automations.next_day()
    assert automations.states(id) == [("buying", "")]
    assert automations.next_day().bought == 0, "one thing at a time"
    automations.counter.heal()
    (purchase,) = automations.counter.undecided()
    for _ in range(3):
        automations.counter.wait(minutes=10)
        automations.counter.ask(purchase)
    automations.follow()
    assert (automations.states(id)[0], len(automations.counter.vends())) == (("completed", ""), 1)
    assert wallet_balance(cast.bola) == "7900.00"


def test_a_number_that_is_nobodys_any_more(
    automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    from sandbox.flutterwave import bills

    monkeypatch.setattr(bills, "name_behind", lambda **_: None)
    automations.next_day()
    assert automations.states(id) == [("waiting", "customer_unknown")]
    assert wallet_balance(cast.bola) == "10000.00"


def test_a_removed_number_is_not_bought_for(automations: Automations, cast: Cast) -> None:
    from clustr.utilities import commands as utilities

    fund(cast, cast.bola, "10000.00")
    account = automations.number()
    id = automations.set_up(account)
    utilities.remove_account(actor=cast.bola.actor, account_id=account, now=automations.counter.now)
    automations.next_day()
    assert automations.states(id) == [("waiting", "not_sold")]


def test_who_has_left_buys_nothing(automations: Automations, cast: Cast) -> None:
    from clustr.clusters import commands as clusters

    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    clusters.end_membership(
        actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=cast.now, now=automations.counter.now
    )
    automations.next_day()
    view = automations.view(id)
    assert (view.state, view.stopped_by.value) == (AutomationState.OFF, "departure")
    assert automations.history(id) == []


# --- Parts, estimates, cards --------------------------------------------------------------------------------------------


def test_a_part_where_the_member_lets_it(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "1500.00")
    id = automations.set_up(allow_partial=True, minimum_balance="200.00")
    automations.next_day()
    (run,) = automations.history(id)
    assert (run.state.value, str(run.amount)) == ("completed", "1200.00")
    assert wallet_balance(cast.bola) == "200.00"


def test_no_part_of_what_has_one_price(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "1500.00")
    provider = automations.counter.provider(GOTV)
    assert provider.fixed_minor is not None
    price = naira(f"{provider.fixed_minor // 100}.00")
    id = automations.set_up(automations.number(SMART_CARD, GOTV), amount=price, allow_partial=True)
    automations.next_day()
    assert automations.states(id) == [("waiting", "insufficient_funds")]


def test_the_expected_amount(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "90000.00")
    account = automations.number()
    with pytest.raises(TooLittleHistory):
        automations.set_up(account, amount=None, max_amount="5000.00")
    for amount in ("3000.00", "3200.00", "9000.00"):
        automations.counter.vend(automations.counter.buy(cast.bola, amount))
        automations.counter.wait(days=2)
    id = automations.set_up(account, amount=None, max_amount="5000.00")
    automations.next_day()
    assert [str(run.amount) for run in automations.history(id)] == ["3200.00"]
    automations.edit(id, max_amount="2500.00")
    automations.next_day()
    assert str(automations.history(id)[-1].amount) == "2500.00"


def test_a_card_pays_for_it_alone(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    assert automations.next_day().charging == 1
    assert automations.run().bought == 1
    (run,) = automations.history(id)
    assert (run.state.value, run.source.value) == ("completed", "card")
    assert wallet_balance(cast.bola) == "100.00", "what was there before"


def test_the_backup_pays_after_the_wallet_has_refused(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    fund(cast, cast.bola, "2100.00")
    id = automations.set_up(payment_method_id=card)
    assert automations.next_day().bought == 1, "the wallet first"
    assert automations.next_day().charging == 1
    assert automations.run().bought == 1
    assert [run.source.value for run in automations.history(id)] == ["wallet", "card"]
    assert wallet_balance(cast.bola) == "100.00"


def test_a_declined_card_is_an_attempt_in_vain(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    automations.counter.dial(charge__decline=1)
    automations.next_day()
    assert automations.states(id) == [("waiting", "card_declined")]
    assert str(automations.view(id).spent_this_month) == "0.00"
    assert told(cast.bola, NotificationEvents.PAYMENT_FAILED) == [], "the automation tells it, with what helps it"
    assert "the card was declined" in told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_SKIPPED)[-1].body


@pytest.mark.parametrize("cause", ["off", "trouble"])
def test_what_an_automation_does_not_tell_of_its_card_the_payment_tells(
    automations: Automations, cast: Cast, cause: str
) -> None:
    """It was switched off meanwhile; or no bank has declined anything."""
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card())
    if cause == "off":
        automations.counter.dial(charge__timeout_after=1, charge__decline=1)
        automations.next_day()
        commands.edit_automation(
            actor=cast.bola.actor,
            automation_id=id,
            changes={},
            enable=False,
            authorization=None,
            now=automations.counter.now,
        )
        automations.counter.heal()
        settlement.confirm_payment(
            cluster_id=cast.cluster_id, transaction_id=automations.charges()[0], now=automations.counter.now
        )
    else:
        healthy = automations.counter._answer

        def no_way_to_the_card(request: httpx.Request) -> httpx.Response:
            if "charge" in request.url.path:
                raise httpx.ConnectError("no way there", request=request)
            return healthy(request)

        automations.counter._answer = no_way_to_the_card  # type: ignore[method-assign]
        automations.next_day()
    (failed,) = told(cast.bola, NotificationEvents.PAYMENT_FAILED)
    assert "did not go through" in failed.body


def test_what_a_card_is_charged_is_told_as_the_automations(automations: Automations, cast: Cast) -> None:
    """Its member did not pay it now, and would wonder who did."""
    automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card())
    automations.next_day()
    (_, charged) = told(cast.bola, NotificationEvents.WALLET_CREDITED)
    assert "was charged to your card by your automation" in charged.body
    assert "that you paid" not in charged.body


def test_a_card_whose_charge_was_not_heard_is_not_charged_again(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    automations.counter.dial(charge__timeout_after=1)
    automations.next_day()
    automations.counter.heal()
    for _ in range(3):
        automations.counter.wait(minutes=10)
        automations.run()
        assert automations.states(id) == [("charging", "")]
    settlement.confirm_payment(
        cluster_id=cast.cluster_id, transaction_id=automations.charges()[0], now=automations.counter.now
    )
    automations.follow()
    automations.run()
    assert automations.states(id) == [("completed", "")]
    assert (len(automations.charges()), wallet_balance(cast.bola)) == (1, "100.00")


def test_a_card_that_asks_for_its_owner(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    automations.counter.dial(charge__challenge=1)
    automations.next_day()
    automations.counter.heal()
    notice = told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_CARD)[-1]
    assert "http" in notice.body
    (charge,) = automations.charges()
    with tenant(cast.cluster_id):
        reference = Transaction.objects.get(id=charge).reference
    automations.counter.end_reference("paystack", reference)
    settlement.confirm_payment(cluster_id=cast.cluster_id, transaction_id=charge, now=automations.counter.now)
    automations.follow()
    automations.run()
    assert automations.states(id) == [("completed", "")]
    assert len(told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_CARD)) == 1


def test_money_of_a_card_is_its_automations_alone(automations: Automations, cast: Cast) -> None:
    """Another automation of higher priority, which the wallet does not cover, does not take it."""
    card, other = automations.card(), automations.number("04587654321")
    automations.set_up(other, amount="2050.00", priority=1)
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card, priority=2)
    automations.next_day()
    assert automations.run().bought == 1
    assert automations.states(id) == [("completed", "")]
    assert wallet_balance(cast.bola) == "100.00"


def test_switched_off_while_its_card_is_charged(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    automations.counter.wait(days=1)
    commands.run_automations_of(cluster_id=cast.cluster_id, user_id=cast.bola.user_id, now=automations.counter.now)
    automations.edit(id, enable=False)
    automations.follow()
    automations.run()
    assert automations.states(id) == [("stopped", "")]
    assert (wallet_balance(cast.bola), automations.counter.vends()) == ("2200.00", [])


def test_a_frozen_wallet_neither_pays_nor_has_its_card_charged(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up(payment_method_id=card)
    wallets.freeze_wallet(actor=cast.bola.actor, now=automations.counter.now)
    automations.next_day()
    assert automations.states(id) == [("waiting", "account_frozen")]
    assert automations.charges() == []


def test_a_card_is_not_charged_for_a_number_that_is_nobodys(
    automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    from sandbox.flutterwave import bills

    monkeypatch.setattr(bills, "name_behind", lambda **_: None)
    automations.next_day()
    assert automations.states(id) == [("waiting", "customer_unknown")]
    assert (automations.charges(), wallet_balance(cast.bola)) == ([], "100.00")


def test_a_card_is_not_charged_for_what_the_days_limit_forbids(
    automations: Automations, cast: Cast, settings: Any
) -> None:
    settings.ENV = settings.ENV.model_copy(update={"UTILITY_DAILY_LIMIT": "5000.00"})
    fund(cast, cast.bola, "4000.00")
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card())
    automations.counter.wait(days=1)
    automations.counter.vend(automations.counter.buy(cast.bola, "3000.00", "04587654321"))
    automations.run()
    assert automations.states(id) == [("waiting", "daily_limit")]
    assert (automations.charges(), wallet_balance(cast.bola)) == ([], "1000.00")
    automations.counter.wait(hours=25)
    assert automations.run().charging == 1


def test_what_the_days_limit_stops_is_noted_and_told_whatever_its_member_hears_of(
    automations: Automations, cast: Cast, settings: Any
) -> None:
    """Once a day, however often it is tried."""
    settings.ENV = settings.ENV.model_copy(update={"UTILITY_DAILY_LIMIT": "5000.00", "RECURRING_RETRY_HOURS": 1})
    fund(cast, cast.bola, "9000.00")
    id = automations.set_up(notify=frozenset())
    automations.counter.wait(days=1)
    automations.counter.vend(automations.counter.buy(cast.bola, "3000.00", "04587654321"))
    automations.run()
    automations.counter.wait(hours=1)
    automations.run()
    assert automations.states(id) == [("waiting", "daily_limit")]
    with tenant(cast.cluster_id):
        noted = AuditEvent.objects.filter(cluster_id=cast.cluster_id, action="utilities.purchase_blocked")
        assert [(event.changes["why"], event.changes["amount"]) for event in noted] == [
            ("utility_limit_exceeded", "2100.00")
        ] * 2
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_BLOCKED)
    assert "It was to be bought by itself." in notice.body
    assert METER not in notice.body
    automations.counter.wait(days=1)
    automations.counter.buy(cast.bola, "3000.00", "04587654321")
    automations.run()
    assert len(told(cast.bola, NotificationEvents.UTILITY_BLOCKED)) == 2


def test_a_card_is_not_charged_for_much_on_a_number_that_is_new(
    automations: Automations, cast: Cast, settings: Any
) -> None:
    settings.ENV = settings.ENV.model_copy(
        update={"UTILITY_HIGH_AMOUNT": "1000.00", "UTILITY_COOLING_MINUTES": 60 * 48}
    )
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=automations.counter.now)
    proved = wallets.authorize_spend(actor=cast.bola.actor, pin=PIN, now=automations.counter.now)
    id = automations.set_up(
        payment_source=PaymentSource.CARD, payment_method_id=automations.card(), authorization=proved
    )
    automations.next_day()
    assert automations.states(id) == [("waiting", "number_too_new")]
    assert automations.charges() == []


def test_other_days_count_at_once(automations: Automations, cast: Cast) -> None:
    id = automations.set_up(schedule=ScheduleTerms(ScheduleKind.DAY_OF_MONTH, 28))
    automations.edit(id, enable=True, schedule=ScheduleTerms(ScheduleKind.EVERY_DAYS, 3))
    due = automations.view(id).next_run_at
    assert due is not None
    assert due - automations.counter.now < timedelta(days=3)


def test_a_removed_card_is_not_charged(automations: Automations, cast: Cast) -> None:
    from clustr.payments import commands as payments

    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    payments.remove_method(actor=cast.bola.actor, method_id=card, now=automations.counter.now)
    automations.next_day()
    assert automations.states(id) == [("waiting", "card_gone")]


# --- Setting up and changing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"schedule": ScheduleTerms(ScheduleKind.WEEKDAY, 8)}, AutomationScheduleInvalid),
        ({"amount": None}, AutomationAmountInvalid),
        ({"max_amount": "3000.00"}, AutomationAmountInvalid),
        ({"payment_source": PaymentSource.CARD}, AutomationCardInvalid),
        ({"amount": "50000.00"}, UtilityPinNeeded),
    ],
)
def test_terms_that_are_refused(automations: Automations, terms: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        automations.set_up(**terms)


def test_one_price_and_no_other(automations: Automations, cast: Cast) -> None:
    with pytest.raises(AmountOutOfRange):
        automations.set_up(automations.number(SMART_CARD, GOTV), amount="1.00")


def test_anothers_number_and_anothers_automation(automations: Automations, cast: Cast) -> None:
    neighbour = cast.residents[1]
    with pytest.raises(UtilityAccountNotFound):
        automations.set_up(automations.number(person=neighbour))
    theirs = automations.set_up(person=neighbour)
    with pytest.raises(AutomationNotFound):
        automations.edit(theirs, enable=False)


def test_the_pin_is_asked_for_whatever_lets_more_be_spent(automations: Automations, cast: Cast) -> None:
    account = automations.number()
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=automations.counter.now)
    checked = SpendAuthorization(cast.bola.user_id, cast.cluster_id, pin_checked=True)
    with pytest.raises(PinRequired):
        automations.set_up(account)
    id = automations.set_up(
        account, authorization=checked, spending_limit="5000.00", minimum_balance="100.00", enable=False
    )
    more: list[dict[str, Any]] = [
        {"enable": True},
        {"amount": "2000.01"},
        {"spending_limit": "5000.01"},
        {"spending_limit": None},
        {"minimum_balance": "99.99"},
        {"schedule": ScheduleTerms(ScheduleKind.WEEKDAY, 1)},
    ]
    for change in more:
        with pytest.raises(PinRequired):
            automations.edit(id, **change)
    for change in (
        {"amount": "1999.99"},
        {"spending_limit": "4999.99"},
        {"minimum_balance": "200.00"},
        {"priority": 9},
    ):
        automations.edit(id, pin=False, **change)
    automations.edit(id, enable=False, pin=False)
    with tenant(cast.cluster_id):
        events = list(AuditEvent.objects.filter(cluster_id=cast.cluster_id, subject_id=id))
    assert sorted({event.action for event in events}) == [
        "recurring.automation_disabled",
        "recurring.automation_edited",
        "recurring.automation_set_up",
    ]
    assert METER not in str([event.changes for event in events])


def test_a_cable_of_another_month(automations: Automations, cast: Cast) -> None:
    """By the day of the month, for what is sold without a token."""
    fund(cast, cast.bola, "20000.00")
    schedule = ScheduleTerms(ScheduleKind.DAY_OF_MONTH, 31)
    id = automations.set_up(automations.number(SMART_CARD, CABLE), amount="1800.00", schedule=schedule)
    due = automations.view(id).next_run_at
    assert due is not None
    automations.counter.clock.move(by=due - automations.counter.now)
    assert automations.run().bought == 1
    assert terms_of(amount="1800.00").amount == automations.view(id).terms.amount


def test_what_is_taken_back_before_it_is_seen_to_is_not_bought_again(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    id = automations.set_up()
    counter = automations.counter
    counter.dial(bill__reversed=1)
    counter.wait(days=1)
    commands.run_automations_of(cluster_id=cast.cluster_id, user_id=cast.bola.user_id, now=counter.now)
    (purchase,) = counter.undecided()
    counter.vend(purchase)
    counter.wait(minutes=5)
    assert counter.ask(purchase).status == "refunded"
    automations.follow()
    automations.run()
    assert (automations.states(id), len(counter.vends())) == ([("completed", "")], 1)


def test_less_than_the_card_service_takes_is_not_asked_for(
    automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The period ends, as at a limit: the automation goes on, however often."""
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card())
    monkeypatch.setitem(paystack._LEAST_MINOR, "NGN", 210_001)
    for _ in range(4):
        automations.next_day()
    assert automations.states(id) == [("skipped", "card_too_little")] * 4
    assert (automations.view(id).state.value, automations.charges()) == ("on", [])
    assert str(automations.view(id).spent_this_month) == "0.00"
    monkeypatch.setitem(paystack._LEAST_MINOR, "NGN", 210_000)
    assert automations.next_day().charging == 1


def test_a_backup_that_cannot_be_charged_so_much_does_not_stand_in(
    automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(paystack._MOST_MINOR, "NGN", 209_999)
    id = automations.set_up(payment_method_id=automations.card())
    automations.next_day()
    assert (automations.states(id), automations.charges()) == ([("waiting", "insufficient_funds")], [])
    fund(cast, cast.bola, "2100.00")
    automations.counter.wait(hours=12)
    assert automations.run().bought == 1
