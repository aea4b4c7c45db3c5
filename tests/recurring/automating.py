"""Automations over the counter of a utility service: set up, run with the clock moved, and what became of them."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.kit.tenancy import tenant
from clustr.payments.models import SavedMethod, Transaction
from clustr.recurring import commands
from clustr.recurring.automation_queries import automation_history, my_automation, my_automations
from clustr.recurring.automation_types import (
    AutomationOutcome,
    AutomationRunView,
    AutomationTerms,
    AutomationView,
    ScheduleKind,
    ScheduleTerms,
)
from clustr.recurring.models import AutomationStep
from clustr.settlement import commands as settlement
from clustr.utilities import commands as utilities
from clustr.wallets.types import SpendAuthorization
from tests.cast import Cast, Person
from tests.money import naira, no_pin
from tests.utilities.counter import METER, PREPAID, Counter, put_behind_the_wire

DAILY = ScheduleTerms(ScheduleKind.EVERY_DAYS, 1, time(8))
MONEY = ("amount", "max_amount", "spending_limit", "minimum_balance")


def terms_of(**terms: Any) -> AutomationTerms:
    """NGN 2,000.00 of it every day at eight, from the wallet; amounts as texts."""
    given = {"schedule": DAILY, "amount": "2000.00", **terms}
    for name in MONEY:
        if isinstance(given.get(name), str):
            given[name] = naira(given[name])
    return AutomationTerms(**given)


class Automations:
    """Bola's automations (or another's), beside a counter."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.cast: Cast = counter.cast

    def number(self, number: str = METER, code: str = PREPAID, person: Person | None = None) -> UUID:
        """A saved number."""
        owner = person or self.cast.bola
        self.counter.validate(owner, number, code)
        return utilities.save_account(
            actor=owner.actor,
            provider_id=self.counter.provider(code).id,
            customer_id=number,
            label="Flat",
            now=self.counter.now,
        ).id

    def set_up(
        self,
        account_id: UUID | None = None,
        *,
        person: Person | None = None,
        enable: bool = True,
        authorization: SpendAuthorization | None = None,
        **terms: Any,
    ) -> UUID:
        owner = person or self.cast.bola
        return commands.setup_recurring_utility_payment(
            actor=owner.actor,
            account_id=account_id or self.number(person=owner),
            terms=terms_of(**terms),
            enable=enable,
            authorization=authorization or no_pin(owner),
            now=self.counter.now,
        )

    def edit(self, id: UUID, *, enable: bool | None = None, pin: bool = True, **changes: Any) -> None:
        for name in MONEY:
            if isinstance(changes.get(name), str):
                changes[name] = naira(changes[name])
        bola = self.cast.bola
        commands.edit_automation(
            actor=bola.actor,
            automation_id=id,
            changes=changes,  # type: ignore[arg-type]
            enable=enable,
            authorization=no_pin(bola) if pin else None,
            now=self.counter.now,
        )

    def run(self, person: Person | None = None) -> AutomationOutcome:
        """A pass over the member's automations, and what the worker does with what they bought."""
        owner = person or self.cast.bola
        outcome = commands.run_automations_of(
            cluster_id=self.cast.cluster_id, user_id=owner.user_id, now=self.counter.now
        )
        self.follow()
        return outcome

    def follow(self) -> None:
        """Cards are charged, what was bought is sold, and both are seen to their ends."""
        self.charge()
        for id in self.counter.undecided():
            self.counter.vend(id)
        commands.follow_automations(cluster_id=self.cast.cluster_id, now=self.counter.now)

    def charges(self) -> list[UUID]:
        """The charges of cards that automations made, the first one first."""
        with tenant(self.cast.cluster_id):
            steps = AutomationStep.objects.filter(cluster_id=self.cast.cluster_id, kind="charge")
            return list(steps.order_by("id").values_list("id", flat=True))

    def undecided_charges(self) -> list[UUID]:
        """Of the charges, those whose end is not known."""
        open_ends = ("pending", "processing", "unknown")
        with tenant(self.cast.cluster_id):
            known = Transaction.objects.filter(cluster_id=self.cast.cluster_id, id__in=self.charges())
            return list(known.filter(status__in=open_ends).order_by("id").values_list("id", flat=True))

    def charge(self) -> None:
        """What the worker does with the cards; once for each, however often."""
        for id in self.undecided_charges():
            settlement.charge_saved_card(cluster_id=self.cast.cluster_id, transaction_id=id, now=self.counter.now)

    def next_day(self, days: int = 1) -> AutomationOutcome:
        """So many days later: the pass of that moment."""
        self.counter.wait(days=days)
        return self.run()

    def listed(self) -> list[AutomationView]:
        with tenant(self.cast.cluster_id):
            return my_automations(actor=self.cast.bola.actor, now=self.counter.now, limit=200)

    def view(self, id: UUID) -> AutomationView:
        with tenant(self.cast.cluster_id):
            return my_automation(actor=self.cast.bola.actor, automation_id=id, now=self.counter.now)

    def history(self, id: UUID) -> list[AutomationRunView]:
        """What became of each period, the first one first."""
        with tenant(self.cast.cluster_id):
            return automation_history(actor=self.cast.bola.actor, automation_id=id)[::-1]

    def states(self, id: UUID) -> list[tuple[str, str]]:
        return [(run.state.value, run.failure.value) for run in self.history(id)]

    def card(self, provider: str = "paystack") -> UUID:
        """A card of Bola's that paid NGN 100.00 into the wallet once."""
        checkout = self.counter.deposit(self.cast.bola, "100.00", provider, save_card=True)
        self.counter.end(checkout)
        self.counter.confirm(checkout)
        with tenant(self.cast.cluster_id):
            return SavedMethod.objects.get(user_id=self.cast.bola.user_id, provider=provider).id


def to_the_second(now: datetime) -> timedelta:
    """How long it is to the second of the next month, at ten: so that a week of days lies in one month."""
    following = (now.replace(day=1) + timedelta(days=40)).replace(day=2, hour=10, minute=0, second=0, microsecond=0)
    return following - now


@pytest.fixture
def automations(cast: Cast, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Automations:
    settings.ENV = settings.ENV.model_copy(
        update={"UTILITY_PURCHASES_PER_MINUTE": 100_000, "UTILITY_VALIDATIONS_PER_MINUTE": 100_000}
    )
    counter = Counter(cast)
    put_behind_the_wire(counter, monkeypatch)
    counter.stock()
    counter.clock.move(by=to_the_second(counter.now))
    return Automations(counter)
