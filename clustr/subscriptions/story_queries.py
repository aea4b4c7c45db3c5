"""One customer's whole story, and the invoices that are chased, for the platform's staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people import queries as people
from clustr.subscriptions import queries
from clustr.subscriptions.document_queries import AddressRow, PaymentRow
from clustr.subscriptions.models import ContractPrice, Coupon, Payment, Redemption, Subscription, Verification
from clustr.subscriptions.refusals import CustomerNotFound
from clustr.subscriptions.schedule import DUNNING, GRACE

MOST_HAPPENINGS = 60
_LATEST = 20


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """One of a customer's subscriptions with the name of its plan."""

    subscription: Subscription
    plan: str


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to one of a customer's subscriptions. `monthly`: what it brought in a month from then on."""

    at: datetime
    kind: str
    plan: str
    monthly: Money
    reason: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed on with a customer, or seen of them: a price for a term, a coupon, that they are students."""

    contracts: list[ContractPrice]
    verifications: list[Verification]
    coupons: list[tuple[Coupon, Redemption]]


@dataclass(frozen=True, slots=True)
class CustomerStory:
    """A customer with all their subscriptions, newest first; what happened, newest first; their credit by currency."""

    user_id: UUID
    name: str
    email: str
    address: AddressRow | None
    subscriptions: list[HeldPlan]
    happened: list[Happening]
    payments: list[PaymentRow]
    credit: list[Money]
    agreed: Agreed


@dataclass(frozen=True, slots=True)
class ChasedInvoice:
    """An open invoice that is overdue. `reminders`: how many its customer had, of `reminders_in_all`; `lapses_at`: when the
    plan stops; `failure`: the code and the sentence of the last try to take it that failed, both empty where none did."""

    invoice_id: UUID
    number: str
    user_id: UUID
    name: str
    email: str
    plan: str
    status: str
    by_card: bool
    due: Money
    due_date: datetime
    lapses_at: datetime | None
    reminders: int
    attempts: int
    failure: tuple[str, str]

    @property
    def reminders_in_all(self) -> int:
        return len(DUNNING) + 1


_HAPPENED = """
SELECT e.at, e.kind, p.name, e.monthly_minor, s.currency, e.reason
FROM subscriptions_event e
JOIN subscriptions_subscription s ON s.cluster_id = e.cluster_id AND s.id = e.subscription_id
JOIN subscriptions_plan p ON p.cluster_id = e.cluster_id AND p.id = e.plan_id
WHERE e.cluster_id = kit_tenant() AND s.user_id = %(user)s ORDER BY e.at DESC, e.subscription_id, e.n DESC LIMIT %(most)s
"""
_HELD = """
SELECT s.id, p.name FROM subscriptions_subscription s
JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
WHERE s.cluster_id = kit_tenant() AND s.user_id = %(user)s
"""
_CHASED = """
SELECT i.id, i.invoice_number, s.user_id, u.name, u.email, p.name, s.status, s.collection = 'stripe',
       i.total - i.credit_applied - i.amount_paid, i.currency, i.due_date, s.past_due_since, s.dunning_step,
       i.attempt_count,
       coalesce(y.failure_code, ''), coalesce(y.failure_message, '')
FROM subscriptions_invoice i
JOIN subscriptions_subscription s ON s.cluster_id = i.cluster_id AND s.id = i.subscription_id
JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
JOIN people_user u ON u.id = s.user_id
LEFT JOIN LATERAL (SELECT failure_code, failure_message FROM subscriptions_payment t WHERE t.cluster_id = i.cluster_id
  AND t.invoice_id = i.id AND t.status = 'failed' ORDER BY t.id DESC LIMIT 1) AS y ON true
WHERE i.cluster_id = kit_tenant() AND i.status = 'open' AND i.kind = 'invoice'
  AND (i.due_date < %(now)s OR s.status IN ('past_due', 'unpaid'))
  AND (%(after)s::uuid IS NULL OR i.id > %(after)s)
  AND (%(q)s = '' OR u.search @@ people_find(%(q)s) OR strpos(i.invoice_number, upper(%(q)s)) > 0)
ORDER BY i.id LIMIT %(limit)s
"""


def story_of_customer(*, actor: Actor, user_id: UUID) -> CustomerStory:
    """Everything about one customer. For platform staff. Refuses `CustomerNotFound`."""
    actor.require(queries.STAFF)
    contact = people.contacts_of(user_ids=[user_id]).get(user_id)
    if contact is None:
        raise CustomerNotFound
    with tenant(actor.cluster_id):
        mine = {"cluster_id": actor.cluster_id, "user_id": user_id}
        plans: dict[UUID, str] = {row[0]: row[1] for row in _rows(_HELD, {"user": user_id})}
        subscriptions = list(Subscription.objects.filter(**mine).order_by("-id"))
        held = [HeldPlan(one, plans[one.id]) for one in subscriptions]
        happened = [
            Happening(at, kind, plan, Money(monthly, currency), reason)
            for at, kind, plan, monthly, currency, reason in _rows(
                _HAPPENED, {"user": user_id, "most": MOST_HAPPENINGS}
            )
        ]
        payments = list(Payment.objects.filter(**mine).order_by("-id")[:_LATEST])
        address = queries.billing_address(user_id=user_id)
        agreed = _agreed(mine)
        credit = _credit(subscriptions)
    return CustomerStory(user_id, contact.name, contact.email, address, held, happened, payments, credit, agreed)


def _agreed(mine: dict[str, Any]) -> Agreed:
    redemptions = list(Redemption.objects.filter(**mine).order_by("-redeemed_at", "-id")[:_LATEST])
    wanted = {one.coupon_id for one in redemptions}
    coupons = {one.id: one for one in Coupon.objects.filter(cluster_id=mine["cluster_id"], id__in=wanted)}
    return Agreed(
        contracts=list(ContractPrice.objects.filter(**mine).order_by("-created_at", "-id")[:_LATEST]),
        verifications=list(Verification.objects.filter(**mine).order_by("-verified_at", "-id")[:_LATEST]),
        coupons=[(coupons[one.coupon_id], one) for one in redemptions],
    )


def _credit(subscriptions: list[Subscription]) -> list[Money]:
    """What stands in their favour, here and at Stripe, by currency; where it is something."""
    found = []
    for currency in sorted({one.currency for one in subscriptions}):
        user_id = subscriptions[0].user_id
        holders = (user_id, queries.stripe_credit_holder(user_id=user_id))
        minors = [queries.credit_of(user_id=holder, currency=currency).minor for holder in holders]
        if sum(minors):
            found.append(Money(sum(minors), currency))
    return found


def invoices_chased(
    *, actor: Actor, now: datetime, q: str = "", after: UUID | None = None, limit: int = 50
) -> list[ChasedInvoice]:
    """Open invoices that are overdue, and what else is open of plans that are, the oldest first. `q` finds by the beginnings
    of words of the customer's name or e-mail address, and by a part of the invoice's number. `after`: the invoice read
    last. For platform staff."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        rows = _rows(_CHASED, {"now": now, "q": q.strip(), "after": after, "limit": limit})
    return [_chased(row) for row in rows]


def _chased(row: tuple[Any, ...]) -> ChasedInvoice:
    (id_, number, user_id, name, email, plan, status, by_card, due, currency, due_date, since, step, tries, *why) = row
    return ChasedInvoice(
        invoice_id=id_,
        number=number,
        user_id=user_id,
        name=name,
        email=email,
        plan=plan,
        status=status,
        by_card=by_card,
        due=Money(due, currency),
        due_date=due_date,
        lapses_at=since + GRACE if since and status == "past_due" else None,
        reminders=step + 1 if since else 0,
        attempts=tries,
        failure=(why[0], why[1]),
    )


def _rows(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
