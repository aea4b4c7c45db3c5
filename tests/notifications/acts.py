"""What tests do with notices, in the fewest words."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.core import mail

from clustr.kit.tenancy import tenant
from clustr.notifications import commands, queries
from clustr.notifications.models import Delivery, Event
from clustr.notifications.types import Audience, Notification, NotificationEvents
from tests.cast import Cast, Person

BILL = {
    "bill": "Gate repair",
    "bill_number": "BILL-2026-1",
    "amount_minor": 500_000,
    "currency": "NGN",
    "due_date": "2026-12-31T22:59:00+00:00",
}


def tell(
    cast: Cast, audience: Audience, event: NotificationEvents = NotificationEvents.PAYMENT_DUE, **facts: object
) -> bool:
    key = str(facts.pop("key", ""))
    return commands.notify(
        event=event,
        cluster_id=cast.cluster_id,
        audience=audience,
        subject_id=uuid4(),
        facts=BILL | facts,
        now=cast.now,
        key=key,
    )


def everybody(cast: Cast) -> Audience:
    """Whom a bill of now reaches that is due in ten days."""
    return Audience.members(issued_at=cast.now, due_date=cast.now + timedelta(days=10))


def listed(person: Person) -> list[Notification]:
    return queries.my_notifications(actor=person.actor, limit=200)


def titles(person: Person) -> list[str]:
    return [notice.title for notice in listed(person)]


def told(person: Person, event: NotificationEvents) -> list[Notification]:
    """What this person was told of one kind, the oldest first."""
    return [notice for notice in reversed(listed(person)) if notice.event is event]


def fan_out(cluster_id: UUID, now: datetime) -> None:
    while commands.fan_out(cluster_id=cluster_id, now=now):
        pass


def messages(cluster_id: UUID) -> list[Delivery]:
    with tenant(cluster_id):
        return list(Delivery.objects.filter(cluster_id=cluster_id).order_by("event_id", "channel", "user_id"))


def readers(cluster_id: UUID) -> list[UUID]:
    return [row.user_id for row in messages(cluster_id)]


def sent(cast: Cast, *, cluster_id: UUID | None = None) -> list[mail.EmailMultiAlternatives]:
    """What reaches mailboxes when the jobs have run."""
    return told_by_mail(cluster_id or cast.cluster_id, cast.now)


def told_by_mail(cluster_id: UUID, now: datetime) -> list[mail.EmailMultiAlternatives]:
    """What reaches mailboxes when the jobs have run at an instant."""
    before = len(mail.outbox)
    fan_out(cluster_id, now)
    commands.deliver(cluster_id=cluster_id, now=now, seconds=60)
    return list(mail.outbox[before:])


def events(cluster_id: UUID) -> list[Event]:
    with tenant(cluster_id):
        return list(Event.objects.filter(cluster_id=cluster_id).order_by("id"))
