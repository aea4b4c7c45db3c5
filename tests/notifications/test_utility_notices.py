"""The notices of utilities, one by one: who is told, on which channel, and what it says. Of a number its end, no token."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from clustr.clusters.commands import end_membership, update_settings
from clustr.clusters.types import FeeBearer, PaymentsPermissions, SettingsChanges
from clustr.notifications.catalogue import BOTH, EVENTS, IN_APP
from clustr.notifications.queries import unread_count, unread_things
from clustr.notifications.types import NotificationEvents, Priority
from clustr.recurring import commands
from clustr.recurring.automation_types import AutomationNotices, ScheduleKind, ScheduleTerms
from clustr.recurring.types import PaymentSource
from clustr.utilities.models import UtilityProvider
from tests.cast import Cast
from tests.money import fund
from tests.notifications.acts import sent, told
from tests.notifications.test_every_notice import hears, mailed, quiet
from tests.recurring.automating import Automations, automations
from tests.utilities.counter import CABLE, METER, SMART_CARD

__all__ = ["automations"]
E = NotificationEvents
END = METER[-4:]


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")


def hears_and_is_mailed(cast: Cast, event: NotificationEvents, *says: str) -> None:
    """Bola alone is told, in the list and by e-mail, as it says; neither holds the whole number."""
    hears(cast, event, [cast.bola], *says)
    notice = told(cast.bola, event)[-1]
    assert METER not in f"{notice.title}{notice.body}"
    (mail,) = mailed(cast, event, [cast.bola], *says)
    assert METER not in mail.subject + mail.body


def test_they_are_the_members_own_affair() -> None:
    mine = [event for event in E if event.value.startswith("utility_")]
    assert len(mine) == 14
    for event in mine:
        kind = EVENTS[event]
        assert (kind.member, kind.office, kind.webhooks) == (BOTH, None, False), event
    assert EVENTS[E.UTILITY_BLOCKED].fixed == BOTH
    assert EVENTS[E.UTILITY_AUTOMATION_PAUSED].fixed == IN_APP
    assert PaymentsPermissions.VIEW_PAYMENTS


def test_a_token_is_ready(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    quiet(cast)
    sold = counter.vend(counter.buy(cast.bola))
    assert sold.token
    hears(cast, E.UTILITY_DELIVERED, [cast.bola], "Your token is ready", f"ending in {END}", "₦2,100.00")
    notice = told(cast.bola, E.UTILITY_DELIVERED)[-1]
    assert sold.token not in notice.body
    assert sold.token.replace("-", "") not in notice.body
    for mail in mailed(cast, E.UTILITY_DELIVERED, [cast.bola], "Your token is ready", END):
        assert sold.token not in mail.body


def test_what_has_no_token_is_delivered(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    quiet(cast)
    counter.ask(counter.vend(counter.buy(cast.bola, "1800.00", SMART_CARD, CABLE)))
    hears(cast, E.UTILITY_DELIVERED, [cast.bola], "Delivered: ", SMART_CARD[-4:])


def test_delayed_is_told_once_and_then_how_it_ended(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    quiet(cast)
    counter.dial(bill__failed=1, verify__timeout_after=1)
    bought = counter.vend(counter.buy(cast.bola))
    hears(cast, E.UTILITY_DELAYED, [])
    for _ in range(3):
        counter.wait(minutes=6)
        counter.ask(bought)
    hears_and_is_mailed(cast, E.UTILITY_DELAYED, "Taking longer", f"ending in {END}", "Do not buy again")
    counter.heal()
    counter.wait(minutes=10)
    assert counter.ask(bought).status == "failed"
    hears(cast, E.UTILITY_FAILED, [])
    hears_and_is_mailed(cast, E.UTILITY_REFUNDED, "₦2,100.00 is back in your wallet", "came to nothing")


def test_a_late_token_is_told_as_that(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    quiet(cast)
    counter.dial(bill__late_token=1, bill__token_seconds=3_600)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(minutes=6)
    counter.ask(bought)
    says = ("has sold it, but the token", f"ending in {END} is late", "Do not buy again")
    hears_and_is_mailed(cast, E.UTILITY_DELAYED, *says)


def test_what_was_delivered_is_taken_back(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    counter.dial(bill__reversed=1)
    bought = counter.vend(counter.buy(cast.bola))
    quiet(cast)
    counter.wait(days=1)
    counter.ask(bought)
    says = ("₦2,100.00 is back in your wallet", "took back what it had delivered", f"ending in {END}")
    hears(cast, E.UTILITY_REFUNDED, [cast.bola], *says)
    (mail,) = [mail for mail in sent(cast) if mail.to == [cast.bola.email]]
    assert "took back what it had delivered" in mail.body


def test_a_definite_no(automations: Automations, cast: Cast) -> None:
    counter = automations.counter
    quiet(cast)
    counter.dial(bill__refused=1)
    counter.vend(counter.buy(cast.bola))
    says = ("₦2,100.00 is back", f"ending in {END}", "What you can do:", "Buy it again", "Ask the office")
    hears_and_is_mailed(cast, E.UTILITY_FAILED, *says)
    assert "card" not in told(cast.bola, E.UTILITY_FAILED)[-1].body
    assert told(cast.bola, E.UTILITY_FAILED)[-1].priority is Priority.HIGH


def test_a_blocked_attempt(automations: Automations, cast: Cast, settings: Any) -> None:
    counter = automations.counter
    counter.validate(cast.bola)
    settings.ENV = settings.ENV.model_copy(update={"UTILITY_DAILY_LIMIT": "2000.00"})
    quiet(cast)
    with pytest.raises(Exception, match="more than may be bought"):
        counter.confirm_quote(cast.bola, counter.wanted())
    hears_and_is_mailed(cast, E.UTILITY_BLOCKED, "was stopped before any money moved", END, "freeze your wallet")


def test_an_automation_is_set_up_switched_and_removed(automations: Automations, cast: Cast) -> None:
    quiet(cast)
    id = automations.set_up(enable=False)
    says = ("Automation set up: ", f"ending in {END}", "₦2,100.00 each time", "from your wallet", "It is off")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_SET_UP, *says)
    automations.edit(id, enable=True)
    says = ("Automation switched on: ", f"ending in {END}", "buys again", "The next one is on")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_RESUMED, *says)
    automations.edit(id, enable=True)
    automations.edit(id, enable=False)
    says = ("Automation paused: ", "you switched it off", "until you switch it on again")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_PAUSED, *says)
    commands.remove_automation(actor=cast.bola.actor, automation_id=id, now=automations.counter.now)
    hears_and_is_mailed(
        cast, E.UTILITY_AUTOMATION_CANCELLED, "Automation ended: ", f"ending in {END}", "you removed it"
    )
    assert len(told(cast.bola, E.UTILITY_AUTOMATION_RESUMED)) == 1, "what is on is not switched on again"


def test_an_automation_ends_when_its_member_has_left(automations: Automations, cast: Cast) -> None:
    automations.set_up()
    quiet(cast)
    now = automations.counter.now
    end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=now, now=now)
    automations.next_day()
    (mail,) = mailed(cast, E.UTILITY_AUTOMATION_CANCELLED, [cast.bola], "you have left the estate", END)
    assert "It buys nothing any more" in mail.body


def test_an_automation_is_paused_when_it_is_sold_no_more(automations: Automations, cast: Cast) -> None:
    automations.set_up()
    sold = UtilityProvider.objects.filter(id=automations.counter.provider().id)
    sold.update(is_active=False)
    try:
        automations.next_day()
        for hours in (6, 12):
            quiet(cast)
            automations.counter.wait(hours=hours)
            automations.run()
    finally:
        sold.update(is_active=True)
    says = ("Automation paused: ", "it is not sold any more", "until you switch it on again")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_PAUSED, *says)


def test_an_automation_buys_soon(automations: Automations, cast: Cast) -> None:
    weekly = ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8))
    id = automations.set_up(schedule=weekly, minimum_balance="8500.00")
    automations.set_up(automations.number(SMART_CARD, CABLE))
    quiet(cast)

    commands.send_automation_reminders(now=automations.counter.now)
    hears(cast, E.UTILITY_AUTOMATION_REMINDER, [])  # a week is not soon, and what is bought daily needs no reminder
    automations.counter.wait(days=5)
    automations.edit(id, minimum_balance="9000.00")
    for _ in range(2):
        commands.send_automation_reminders(now=automations.counter.now)
    says = ("Coming up: ", f"ending in {END}", "₦2,100.00", "from your wallet", "is missing")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_REMINDER, *says)


def test_an_automations_card_stands_in_for_the_wallet(automations: Automations, cast: Cast) -> None:
    """Who pays is told as it will be, and that the card's fee comes on top."""
    soon = ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8))
    automations.set_up(schedule=soon, amount="15000.00", payment_method_id=automations.card())
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)
    quiet(cast)
    automations.counter.wait(days=5)
    commands.send_automation_reminders(now=automations.counter.now)
    says = (
        "₦15,100.00, and your card pays, because your wallet will not cover it",
        "fee on top.",
    )
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_REMINDER, "Coming up: ", *says)


def test_an_automation_has_bought(automations: Automations, cast: Cast) -> None:
    automations.set_up()
    quiet(cast)
    automations.counter.wait(days=1)
    commands.run_automations_of(cluster_id=cast.cluster_id, user_id=cast.bola.user_id, now=automations.counter.now)
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_RUN, "Automation: ", "₦2,100.00", END, "The next one is on")


def test_the_bell_counts_once_what_an_automation_bought(automations: Automations, cast: Cast) -> None:
    automations.set_up()
    before = unread_things(actor=cast.bola.actor, most=100)
    automations.counter.wait(days=1)
    commands.run_automations_of(cluster_id=cast.cluster_id, user_id=cast.bola.user_id, now=automations.counter.now)
    assert unread_things(actor=cast.bola.actor, most=100) == before + 1
    (purchase,) = automations.counter.undecided()
    automations.counter.vend(purchase)
    assert len(told(cast.bola, E.UTILITY_AUTOMATION_RUN)) == len(told(cast.bola, E.UTILITY_DELIVERED)) == 1
    assert unread_things(actor=cast.bola.actor, most=100) == before + 1
    assert unread_count(actor=cast.bola.actor) == before + 2


def test_a_limit_is_reached(automations: Automations, cast: Cast) -> None:
    automations.set_up(spending_limit="4000.00")
    automations.next_day()
    quiet(cast)
    automations.next_day()
    says = (
        "Spending limit reached",
        "₦2,100.00 more would exceed its spending limit",
        "₦4,000.00 a month",
        "₦2,100.00 is spent",
    )
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_LIMIT, *says)


def test_skipped_for_the_balance_then_paused(automations: Automations, cast: Cast) -> None:
    automations.set_up(minimum_balance="9000.00")
    quiet(cast)
    automations.next_day()
    says = ("could not buy", END, "your wallet does not cover it", "It is tried again on", "Add money to your wallet")
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_SKIPPED, *says)
    quiet(cast)
    for hours in (6, 12):
        automations.counter.wait(hours=hours)
        automations.run()
    hears(cast, E.UTILITY_AUTOMATION_PAUSED, [cast.bola], "it was tried 3 times", "until you switch it on again")


def test_a_card_that_asks_for_its_owner(automations: Automations, cast: Cast) -> None:
    automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card())
    quiet(cast)
    automations.counter.dial(charge__challenge=1)
    automations.next_day()
    hears_and_is_mailed(cast, E.UTILITY_AUTOMATION_CARD, "Your card asks for you", "₦2,100.00", "http")


@pytest.mark.parametrize("kept", list(AutomationNotices))
def test_only_what_the_member_wants_to_hear(automations: Automations, cast: Cast, kept: AutomationNotices) -> None:
    id = automations.set_up(spending_limit="2100.00", notify=frozenset({kept}))
    automations.next_day()
    automations.next_day()
    automations.edit(id, spending_limit=None, minimum_balance="9000.00")
    automations.next_day()
    kinds = {
        AutomationNotices.RUN: E.UTILITY_AUTOMATION_RUN,
        AutomationNotices.LIMIT: E.UTILITY_AUTOMATION_LIMIT,
        AutomationNotices.SKIPPED: E.UTILITY_AUTOMATION_SKIPPED,
    }
    assert {notice: len(told(cast.bola, event)) for notice, event in kinds.items()} == {
        notice: int(notice is kept) for notice in kinds
    }
    for hours in (6, 12):
        automations.counter.wait(hours=hours)
        automations.run()
    assert len(told(cast.bola, E.UTILITY_AUTOMATION_PAUSED)) == 1, "that is always told"
