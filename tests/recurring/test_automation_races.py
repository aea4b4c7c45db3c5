"""Automations raced: twenty workers on one wallet, a switch beside a run, a purchase by hand, a card that is removed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.db import IntegrityError, connection

from clustr.kit.errors import Busy
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.payments import commands as payments
from clustr.recurring import commands
from clustr.recurring.models import AutomationRun, AutomationStep
from clustr.recurring.types import PaymentSource
from clustr.utilities.refusals import PurchaseUnderWay
from tests.cast import Cast
from tests.money import fund, wallet_balance
from tests.races import race
from tests.recurring.automating import Automations, automations

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")


def passes(automations: Automations, cast: Cast) -> Callable[[], object]:
    """A worker's pass over Bola's automations, without what the utility then does."""
    return partial(
        commands.run_automations_of,
        cluster_id=cast.cluster_id,
        user_id=cast.bola.user_id,
        now=automations.counter.now,
    )


def test_twenty_workers_buy_each_period_once(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "6400.00")
    numbers = [automations.number(f"0451234567{n}") for n in range(4)]
    ids = [automations.set_up(number, priority=n) for n, number in enumerate(numbers, start=1)]
    automations.counter.wait(days=1)
    race(passes(automations, cast)).only(Busy)  # on a slow machine the last in line is asked to come again
    automations.follow()
    states = [automations.states(id)[0][0] for id in ids]
    assert states == ["completed", "completed", "completed", "waiting"]
    assert wallet_balance(cast.bola) == "100.00"
    assert len(automations.counter.vends()) == 3


@pytest.mark.parametrize("_round", range(3))
def test_switched_off_before_the_purchase_or_after_it(automations: Automations, cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    automations.counter.wait(days=1)
    off = partial(automations.edit, id, enable=False)
    works: list[Callable[[], object]] = [passes(automations, cast) for _ in range(5)]
    race([*works, *[off for _ in range(5)]]).only()
    automations.follow()
    bought = len(automations.counter.vends())
    assert bought <= 1
    assert automations.states(id) in ([], [("completed", "")], [("stopped", "")])
    assert bought == (automations.states(id) == [("completed", "")])
    assert automations.next_day().bought == 0


def test_by_hand_or_by_itself_the_wallet_covers_it(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "2100.00")
    counter, id = automations.counter, automations.set_up(automations.number("04587654321"))
    counter.wait(days=1)
    counter.validate(cast.bola)
    by_hand = partial(counter.confirm_quote, cast.bola, counter.wanted())
    race([passes(automations, cast), by_hand, passes(automations, cast), by_hand]).only(
        InsufficientFunds, PurchaseUnderWay
    )
    automations.follow()
    assert len(counter.vends()) == 1
    assert wallet_balance(cast.bola) == "0.00"
    assert automations.states(id)[0][0] in ("completed", "waiting")


def test_a_card_is_removed_beside_its_charge(automations: Automations, cast: Cast) -> None:
    card = automations.card()
    id = automations.set_up(payment_source=PaymentSource.CARD, payment_method_id=card)
    automations.counter.wait(days=1)
    remove = partial(payments.remove_method, actor=cast.bola.actor, method_id=card, now=automations.counter.now)
    race([*[passes(automations, cast) for _ in range(4)], remove]).only()
    automations.follow()
    automations.run()
    assert automations.states(id)[0][0] in ("completed", "waiting", "charging")
    assert len(automations.charges()) <= 1
    assert wallet_balance(cast.bola) == "100.00"


def test_the_database_refuses_a_second_purchase_of_a_period(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    id = automations.set_up()
    automations.next_day()
    other = automations.counter.buy(cast.bola, "600.00", "04587654321")
    with tenant(cast.cluster_id):
        run = AutomationRun.objects.get(cluster_id=cast.cluster_id, automation_id=id)
    with pytest.raises(IntegrityError, match="bought twice"), tenant(cast.cluster_id):
        AutomationStep.objects.create(id=other.id, cluster_id=cast.cluster_id, run_id=run.id, kind="purchase", n=2)
    for change in ("amount_minor = amount_minor + 1", "ended_at = NULL, state = 'buying'"):
        with (
            pytest.raises(IntegrityError, match="stays as it ended"),
            tenant(cast.cluster_id),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE recurring_automationrun SET {change} WHERE id = %s", [run.id])
