"""Recurring payments that a saved card pays: made, run with the charges they ask for, and looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.tenancy import tenant
from clustr.notifications.queries import my_notifications
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.states import Purpose
from clustr.recurring import commands
from clustr.recurring.types import PaymentSource, Processed
from clustr.settlement import commands as settlement
from tests.cast import Cast
from tests.money import acknowledge, issue
from tests.recurring.acts import order_of, process, runs
from tests.settlement.stage import Stage

SERVICE = BillType.SERVICE_CHARGE
DUE = timedelta(hours=2)


def saved(stage: Stage, provider: str = "paystack") -> UUID:
    """A card of Bola's that paid NGN 100.00 into her wallet."""
    checkout = stage.deposit(stage.cast.bola, "100.00", provider, save_card=True)
    stage.end(checkout)
    stage.confirm(checkout)
    with tenant(stage.cast.cluster_id):
        return SavedMethod.objects.get(user_id=stage.cast.bola.user_id, provider=provider).id


def by_card(stage: Stage, amount: str = "1000.00", *, provider: str = "paystack", **terms: Any) -> UUID:
    card = terms.pop("card", None) or saved(stage, provider)
    return order_of(stage.cast, amount, payment_source=PaymentSource.CARD, payment_method_id=card, **terms)


def owes(cast: Cast, amount: str, **terms: Any) -> UUID:
    bill = issue(cast, amount, **terms)
    acknowledge(cast, cast.bola, bill)
    return bill.id


def run(stage: Stage, *, after: timedelta = DUE) -> Processed:
    """A sweep at this time after the cast's present, and the charges it asked for, on the providers' clock."""
    stage.clock.move(by=stage.cast.now + after - stage.now)
    done = process(stage.cast, now=stage.now)
    for id in charges(stage):
        settlement.charge_saved_card(cluster_id=stage.cast.cluster_id, transaction_id=id, now=stage.now)
    return done


def charges(stage: Stage) -> list[UUID]:
    with tenant(stage.cast.cluster_id):
        made = Transaction.objects.filter(purpose=Purpose.RECURRING_PAYMENT).order_by("id")
        return list(made.values_list("id", flat=True))


def states(cast: Cast, order: UUID) -> list[tuple[str, str, int]]:
    return [(made.state, made.failure, made.attempts) for made in runs(cast, order)]


def told(cast: Cast, now: datetime) -> list[tuple[str, str]]:
    """What Bola is told of her recurring payments after a set-up, and of her wallet: event and body."""
    commands.tell_of_runs(cluster_id=cast.cluster_id, now=now)
    with tenant(cast.cluster_id):
        rows = my_notifications(actor=cast.bola.actor, limit=100)
    found = [(row.event.value.removeprefix("recurring_payment_"), row.body) for row in reversed(rows)]
    return [row for row in found if row[0] not in ("set_up", "wallet_credited", "payment_due", "bill_acknowledged")]
