"""Acts on standing orders, and what became of them, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.recurring import commands
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import Frequency, NewOrder, Processed
from clustr.wallets.types import SpendAuthorization
from tests.cast import Cast, Person
from tests.money import naira, no_pin


def new_order(cast: Cast, amount: str | Money = "1000.00", **terms: object) -> NewOrder:
    return NewOrder(
        **{
            "title": "Garden",
            "amount": naira(amount) if isinstance(amount, str) else amount,
            "frequency": Frequency.MONTHLY,
            "start_date": cast.now + timedelta(hours=1),
            **terms,
        }  # type: ignore[arg-type]
    )


def order_of(
    cast: Cast,
    amount: str | Money = "1000.00",
    *,
    person: Person | None = None,
    authorization: SpendAuthorization | None = None,
    now: datetime | None = None,
    **terms: object,
) -> UUID:
    """A standing order of Bola's (or of another's): monthly, from an hour after the test's present on."""
    owner = person or cast.bola
    return commands.create_recurring_payment(
        actor=owner.actor,
        new=new_order(cast, amount, **terms),
        authorization=authorization or no_pin(owner),
        now=now or cast.now,
    )


def process(
    cast: Cast, *, after: timedelta = timedelta(hours=2), now: datetime | None = None, batches: int | None = None
) -> Processed:
    """Run what is due in Palm Grove so long after the test's present."""
    return commands.process_recurring_payments_of(
        cluster_id=cast.cluster_id, now=now or cast.now + after, batches=batches
    )


def pause(cast: Cast, order: UUID, *, person: Person | None = None, after: timedelta = timedelta()) -> None:
    commands.pause_recurring_payment(
        actor=(person or cast.bola).actor, recurring_payment_id=order, reason="Away", now=cast.now + after
    )


def resume(cast: Cast, order: UUID, *, person: Person | None = None, after: timedelta = timedelta()) -> None:
    owner = person or cast.bola
    commands.resume_recurring_payment(
        actor=owner.actor, recurring_payment_id=order, authorization=no_pin(owner), now=cast.now + after
    )


def cancel(cast: Cast, order: UUID, *, person: Person | None = None, after: timedelta = timedelta()) -> None:
    commands.cancel_recurring_payment(
        actor=(person or cast.bola).actor, recurring_payment_id=order, now=cast.now + after
    )


def stored(cast: Cast, order: UUID) -> RecurringPayment:
    with tenant(cast.cluster_id):
        return RecurringPayment.objects.get(id=order)


def runs(cast: Cast, order: UUID) -> list[Run]:
    """The order's runs, the first period first."""
    with tenant(cast.cluster_id):
        return list(Run.objects.filter(order_id=order).order_by("period"))


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
