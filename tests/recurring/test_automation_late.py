"""A card's money that comes after its charge was given up, charges that were given back, and defects that stop nobody else."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.db import DatabaseError, transaction

from clustr.clusters.types import Role
from clustr.kit.crashpoints import Crash, watching
from clustr.kit.tenancy import current_tenant, tenant
from clustr.notifications.types import NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.recurring import commands
from clustr.recurring.automation_models import AutomationRun, AutomationStep
from clustr.recurring.automation_types import AutomationOutcome, ScheduleKind, ScheduleTerms
from clustr.recurring.types import PaymentSource
from clustr.settlement import commands as settlement
from tests.cast import Cast, Part
from tests.money import fund, naira, wallet_balance
from tests.notifications.acts import told
from tests.recurring.automating import Automations, automations
from tests.recurring.test_automations import limit_type

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")


def challenged(automations: Automations, **terms: Any) -> UUID:
    """An automation by card, whose charge asks for the card's owner; the first try on that page is declined."""
    id = automations.set_up(
        payment_source=PaymentSource.CARD, payment_method_id=automations.card(), **{"priority": 50, **terms}
    )
    automations.counter.dial(charge__challenge=1)
    automations.next_day()
    automations.counter.heal()
    said_on_its_page(automations, "insufficient_funds")
    automations.follow()
    assert automations.states(id) == [("waiting", "card_declined")]
    return id


def said_on_its_page(automations: Automations, outcome: str = "success") -> None:
    charge, cast = automations.charges()[0], automations.cast
    automations.counter.end_reference("paystack", automations.counter.transaction(charge).reference, outcome)
    settlement.confirm_payment(cluster_id=cast.cluster_id, transaction_id=charge, now=automations.counter.now)


def test_a_late_success_is_what_it_buys_with(automations: Automations, cast: Cast) -> None:
    """The payer tries again on the same page: it is bought with that money, and the card is not charged again."""
    id = challenged(automations)
    said_on_its_page(automations)
    assert wallet_balance(cast.bola) == "2200.00"
    other = automations.set_up(automations.number("04587654321"), amount="600.00", priority=60)
    automations.counter.wait(hours=6)
    assert automations.run().bought == 1
    (run,) = automations.history(id)
    assert (run.state.value, run.source.value, len(automations.charges())) == ("completed", "card", 1)
    assert wallet_balance(cast.bola) == "100.00"
    assert str(automations.view(id).spent_this_month) == "2100.00"
    automations.next_day()
    assert automations.states(other) == [("waiting", "insufficient_funds")]


def test_late_money_is_nobody_elses(automations: Automations, cast: Cast) -> None:
    """What another automation of higher priority lacks is not taken from it."""
    id = challenged(automations)
    said_on_its_page(automations)
    other = automations.set_up(automations.number("04587654321"), amount="2050.00", priority=1)
    automations.next_day()
    assert automations.states(id)[0] == ("completed", "")
    assert automations.states(other) == [("waiting", "insufficient_funds")]


def test_late_money_does_not_exceed_a_limit(automations: Automations, cast: Cast) -> None:
    """Meanwhile another has used the limit of the type up: nothing is bought and nothing charged; it stays in the wallet."""
    limit_type(automations, "4000.00")
    number = automations.number("04587654321")
    id = challenged(automations)
    fund(cast, cast.bola, "2600.00")
    soon = ScheduleTerms(ScheduleKind.EVERY_DAYS, 1, time(automations.counter.now.hour + 2))
    automations.set_up(number, amount="2500.00", schedule=soon)
    automations.counter.wait(hours=3)
    assert automations.run().bought == 1
    said_on_its_page(automations)
    automations.counter.wait(hours=4)
    automations.run()
    assert automations.states(id)[0] == ("skipped", "type_limit")
    assert (len(automations.charges()), wallet_balance(cast.bola)) == (1, "2200.00")


def test_a_charge_that_was_given_back_is_no_charge(automations: Automations, cast: Cast) -> None:
    """The database lets a card be charged after the charge before it was refunded, and not after one that was not."""
    id = challenged(automations)
    said_on_its_page(automations)
    (charge,) = automations.charges()
    with tenant(cast.cluster_id):
        run = AutomationRun.objects.get(cluster_id=cast.cluster_id, automation_id=id)
        bought = Transaction.objects.exclude(id=charge).filter(cluster_id=cast.cluster_id).first()
        assert bought is not None
        step: dict[str, Any] = {
            "id": bought.id,
            "cluster_id": cast.cluster_id,
            "run_id": run.id,
            "kind": "charge",
            "n": 2,
        }
        with pytest.raises(DatabaseError, match="bought twice"), transaction.atomic():
            AutomationStep.objects.create(**step)
        with suppress(InterruptedError), transaction.atomic():
            payments.count_refund(transaction_id=charge, amount=naira("2100.00"), now=automations.counter.now)
            AutomationStep.objects.create(**step)
            raise InterruptedError("undone, so that the books hold")


def test_a_defect_of_one_stops_no_other(automations: Automations, cast: Cast) -> None:
    """Of a member's automations the first fails by an error: the others buy, other members' buy, and it is tried again
    later."""
    fund(cast, cast.bola, "9000.00")
    broken = automations.set_up(priority=1)
    healthy = automations.set_up(automations.number("04587654321"), priority=2)
    (neighbour,) = cast.add(cast.palm_grove, Part("Zainab", Role.RESIDENT))
    fund(cast, neighbour, "9000.00")
    automations.set_up(person=neighbour)
    tries = []

    def fail_the_first(place: str) -> None:
        if place == "recurring.buy_automation.before" and current_tenant() == cast.cluster_id:
            tries.append(place)
            if len(tries) == 1:
                raise Crash(place)

    automations.counter.wait(days=1)
    with watching(fail_the_first), pytest.raises(Crash):
        commands.run_utility_automations(now=automations.counter.now)
    automations.follow()
    assert len(tries) == 3
    assert automations.states(healthy) == [("completed", "")]
    assert wallet_balance(neighbour) == "6900.00"
    automations.counter.wait(minutes=2)
    assert (cast.cluster_id, cast.bola.user_id) not in commands.due_members(now=automations.counter.now), (
        "not every minute"
    )
    assert automations.states(broken) == [("waiting", "")]
    automations.counter.wait(minutes=10)
    assert automations.run().bought == 1


def brought(automations: Automations, **terms: Any) -> UUID:
    """An automation whose card brought NGN 2,100.00 for a purchase that was not made yet, beside NGN 5,000.00 in the wallet."""
    fund(automations.cast, automations.cast.bola, "4900.00")
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=automations.card(), **terms)
    automations.next_day()
    assert (automations.states(id), wallet_balance(automations.cast.bola)) == ([("waiting", "")], "7100.00")
    return id


def give_back(automations: Automations, amount: str | None = None) -> UUID:
    """The office gives back what the card paid: the provider is asked next."""
    return settlement.refund_to_source(
        actor=automations.cast.ada.actor,
        transaction_id=automations.charges()[0],
        amount=naira(amount) if amount else None,
        reason="Asked for",
        now=automations.counter.now,
    ).id


@pytest.mark.parametrize("sent", [False, True], ids=["on its way back", "given back"])
def test_a_run_whose_money_was_given_back_is_over(automations: Automations, cast: Cast, sent: bool) -> None:
    """Nothing is bought with what else is in the wallet, and the card is not charged again for this period."""
    id = brought(automations)
    refund = give_back(automations)
    if sent:
        settlement.send_refund(cluster_id=cast.cluster_id, transaction_id=refund, now=automations.counter.now)
    assert automations.run() == AutomationOutcome()
    assert automations.states(id) == [("stopped", "card_refunded")]
    assert (len(automations.charges()), wallet_balance(cast.bola)) == (1, "5000.00")
    assert str(automations.view(id).spent_this_month) == "0.00"
    automations.next_day()
    assert automations.states(id)[1:] == [("waiting", "")], "its next period is another"


@pytest.mark.parametrize("amount", ["1000.00", "2000.00"])
def test_what_was_given_back_in_part_the_wallet_does_not_pay(automations: Automations, cast: Cast, amount: str) -> None:
    """The period is over, and what is left of what the card brought is the member's, who hears of it."""
    id = brought(automations)
    give_back(automations, amount)
    before = wallet_balance(cast.bola)
    assert automations.run() == AutomationOutcome(failed=1)
    assert automations.states(id) == [("stopped", "card_short")]
    assert (len(automations.charges()), wallet_balance(cast.bola)) == (1, before)
    assert str(automations.view(id).spent_this_month) == "0.00"
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_SKIPPED)
    assert "it costs more than your card had paid for it" in notice.body
    automations.next_day()
    assert automations.states(id)[1:] == [("waiting", "")], "its next period is another"


def test_of_what_was_given_back_in_part_the_rest_buys_a_part(automations: Automations, cast: Cast) -> None:
    id = brought(automations, allow_partial=True)
    give_back(automations, "1000.00")
    assert automations.run().bought == 1
    assert [str(run.amount) for run in automations.history(id)] == ["1000.00"]
    assert wallet_balance(cast.bola) == "5000.00"


def test_a_fee_that_rose_after_the_charge_the_wallet_does_not_pay(automations: Automations, cast: Cast) -> None:
    """As the utility says only when it is asked whose number it is, the moment before it is bought."""
    id = brought(automations)
    healthy = automations.counter._answer

    def dearer(request: httpx.Request) -> httpx.Response:
        told = healthy(request)
        if not request.url.path.endswith("/validate"):
            return told
        content = json.loads(told.read())
        content["data"]["fee"] = 150
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(content).encode()))

    automations.counter._answer = dearer  # type: ignore[method-assign]
    assert automations.run().failed == 1
    assert automations.states(id) == [("stopped", "card_short")]
    assert wallet_balance(cast.bola) == "7100.00"
