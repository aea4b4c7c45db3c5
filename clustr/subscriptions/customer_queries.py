"""The platform's customers, for its staff: who has which plan, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.states import SubscriptionStatus


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One subscription with whose it is. `due`: what stands open on its invoices."""

    subscription_id: UUID
    user_id: UUID
    name: str
    email: str
    plan: str
    status: SubscriptionStatus
    interval: str
    price: Money
    current_period_end: datetime
    cancel_at_period_end: bool
    past_due_since: datetime | None
    due: Money
    created_at: datetime


_CUSTOMERS = """
SELECT s.id, s.user_id, u.name, u.email, p.name, s.status, s.interval, s.price_minor, s.currency, s.current_period_end,
       s.cancel_at_period_end, s.past_due_since,
       (SELECT coalesce(sum(i.total - i.credit_applied - i.amount_paid), 0)::bigint FROM subscriptions_invoice i
         WHERE i.cluster_id = s.cluster_id AND i.subscription_id = s.id AND i.status = 'open'), s.created_at
FROM subscriptions_subscription s
JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
JOIN people_user u ON u.id = s.user_id
WHERE s.cluster_id = kit_tenant()"""


def customers_of_platform(
    *, actor: Actor, q: str = "", status: SubscriptionStatus | None = None, before: UUID | None = None, limit: int = 50
) -> list[CustomerRow]:
    """Subscriptions, the newest first, those that have ended among them; for platform staff. `q` finds by the beginnings of
    words of the customer's name or e-mail address. `before` is the subscription read last."""
    actor.require(STAFF)
    statement = _CUSTOMERS
    if q.strip():
        statement += " AND u.search @@ people_find(%(q)s)"
    if status is not None:
        statement += " AND s.status = %(status)s"
    if before is not None:
        statement += " AND s.id < %(before)s"
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            statement + " ORDER BY s.id DESC LIMIT %(limit)s",
            {"q": q, "status": status, "before": before, "limit": limit},
        )
        return [_customer(row) for row in cursor.fetchall()]


def _customer(row: tuple[Any, ...]) -> CustomerRow:
    (id_, user_id, name, email, plan, status, interval, price, currency, ends_at, cancels, late, due, made) = row
    return CustomerRow(
        subscription_id=id_,
        user_id=user_id,
        name=name,
        email=email,
        plan=plan,
        status=SubscriptionStatus(status),
        interval=interval,
        price=Money(price, currency),
        current_period_end=ends_at,
        cancel_at_period_end=cancels,
        past_due_since=late,
        due=Money(due, currency),
        created_at=made,
    )
