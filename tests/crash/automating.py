"""Every way in which an automation buys, ready to be interrupted: one act, and what happens by itself after a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from uuid import UUID

from clustr.bills.types import BillType
from clustr.clusters import commands as clusters
from clustr.clusters.types import Role
from clustr.notifications.types import NotificationEvents
from clustr.recurring import commands
from clustr.recurring.automation_types import ScheduleKind, ScheduleTerms
from clustr.recurring.types import PaymentSource
from clustr.settlement import commands as settlement
from tests.cast import Part
from tests.crash.buying import _meter
from tests.crash.settling import Ready
from tests.money import fund, naira, no_pin
from tests.notifications.acts import told
from tests.recurring.automating import Automations

AUTOMATIONS_COVER = {
    *("recurring.set_up_automation", "recurring.edit_automation", "recurring.set_spending_limit"),
    "recurring.remove_automation",
    *("recurring.plan_automations", "recurring.ask_automation", "recurring.buy_automation"),
    *("recurring.follow_automation", "recurring.stop_automations", "recurring.remind_of_automations"),
}
"""The transactions of automations that these flows pass, each by the name of its crash points."""


def _due(automations: Automations, **terms: object) -> UUID:
    """An automation that is due, of a meter of its own; the next day's is due 21 hours later."""
    automations.counter.wait_until(hour=10)
    id = automations.set_up(automations.number(_meter()), amount="600.00", **terms)
    automations.counter.wait(days=1)
    return id


def _seen_to(automations: Automations, id: UUID, act: Callable[[], object]) -> Ready:
    """Passes until it is bought and delivered; then it is switched off, so that the next one stands alone."""

    def again() -> None:
        for _ in range(8):
            automations.counter.wait(minutes=11)
            for purchase in automations.counter.undecided():
                automations.counter.ask(purchase)
            for charge in automations.undecided_charges():
                settlement.confirm_payment(
                    cluster_id=automations.cast.cluster_id, transaction_id=charge, now=automations.counter.now
                )
            automations.run()
            if automations.history(id) and automations.history(id)[-1].ended_at:
                break

    return Ready(act, again=again, after=lambda: automations.edit(id, enable=False))


def run(automations: Automations) -> Ready:
    fund(automations.cast, automations.cast.bola, "700.00")
    id = _due(automations)
    return _seen_to(automations, id, automations.run)


def run_by_card(automations: Automations) -> Ready:
    id = _due(automations, payment_source=PaymentSource.CARD, payment_method_id=automations.card())

    def act() -> None:
        automations.run()
        automations.run()

    return _seen_to(automations, id, act)


def run_over_a_limit(automations: Automations) -> Ready:
    id = _due(automations, spending_limit="650.00")
    return _seen_to(automations, id, automations.run)


def run_refused(automations: Automations) -> Ready:
    """The utility has refused for good, which is an attempt in vain; the next one buys."""
    fund(automations.cast, automations.cast.bola, "700.00")
    id = _due(automations)
    counter, cluster_id = automations.counter, automations.cast.cluster_id
    commands.run_automations_of(cluster_id=cluster_id, user_id=automations.cast.bola.user_id, now=counter.now)
    counter.dial(bill__refused=1)
    for purchase in counter.undecided():
        counter.vend(purchase)
    counter.heal()

    def act() -> None:
        commands.follow_automations(cluster_id=cluster_id, now=counter.now)

    def again() -> None:
        act()
        for _ in range(6):
            counter.wait(hours=7)
            automations.run()
            if automations.history(id)[-1].ended_at:
                break

    return Ready(act, again=again, after=lambda: automations.edit(id, enable=False))


def order(automations: Automations) -> Ready:
    """Set up, changed, switched off and removed by whoever asks again."""
    number = automations.number(_meter())

    def act() -> None:
        id = automations.set_up(number, amount="600.00")
        automations.edit(id, amount="500.00")
        automations.edit(id, enable=False)
        remove(id)

    def remove(id: UUID) -> None:
        commands.remove_automation(actor=automations.cast.bola.actor, automation_id=id, now=automations.counter.now)

    def again() -> None:
        for view in automations.listed():
            automations.edit(view.id, amount="500.00")
            automations.edit(view.id, enable=False)
            remove(view.id)

    return Ready(act, again=again)


def limit(automations: Automations) -> Ready:
    def act() -> None:
        commands.set_spending_limit(
            actor=automations.cast.bola.actor,
            service_type=BillType.WATER_UTILITY,
            limit=naira("9000.00"),
            authorization=no_pin(automations.cast.bola),
            now=automations.counter.now,
        )

    return Ready(act, again=act)


def departure(automations: Automations) -> Ready:
    """Somebody has left; their automations end with the next pass."""
    cast = automations.cast
    (gone,) = cast.add(cast.palm_grove, Part(f"Gone {_meter()}", Role.RESIDENT))
    automations.set_up(automations.number(_meter(), person=gone), person=gone)
    clusters.end_membership(
        actor=cast.ada.actor, membership_id=gone.membership_id, left_at=cast.now, now=automations.counter.now
    )
    automations.counter.wait(days=1)
    return Ready(lambda: automations.run(gone), again=lambda: automations.run(gone))


def remind(automations: Automations) -> Ready:
    """A morning's reminder, told once however often it is asked for."""
    cast = automations.cast
    automations.counter.wait_until(hour=10)
    weekly = ScheduleTerms(ScheduleKind.EVERY_DAYS, 7, time(8))
    id = automations.set_up(automations.number(_meter()), amount="600.00", schedule=weekly)
    automations.counter.wait(days=5)
    before = len(told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_REMINDER))

    def act() -> None:
        commands.send_automation_reminders_of(cluster_id=cast.cluster_id, now=automations.counter.now)

    def after() -> None:
        assert len(told(cast.bola, NotificationEvents.UTILITY_AUTOMATION_REMINDER)) == before + 1
        automations.edit(id, enable=False)

    return Ready(act, again=act, after=after)


FLOWS: dict[str, Callable[[Automations], Ready]] = {
    made.__name__: made for made in (run, run_by_card, run_over_a_limit, run_refused, order, limit, departure, remind)
}
"""Each flow by name."""
