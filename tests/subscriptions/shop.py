"""A seller of plans of its own for each test: its catalogue, its staff, and customers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people.models import Mail
from clustr.subscriptions import commands, queries
from clustr.subscriptions.catalogue import read_catalogue
from clustr.subscriptions.models import (
    Invoice,
    InvoiceLine,
    Payment,
    Subscription,
    SubscriptionEvent,
    SubscriptionPlan,
)
from clustr.subscriptions.states import PaymentMethod
from clustr.subscriptions.types import FeatureType, UsageEvent
from tests.cast import Cast, Person

PLANS: dict[str, dict[str, Any]] = {
    "free": {"ai_responses_limit": 50, "document_uploads_limit": 5, "storage_limit_gb": 1},
    "basic": {
        "price_monthly": 2000,
        "price_yearly": 20_000,
        "prices": {"NGN": {"month": 3_000_000, "year": 30_000_000}},
        "ai_responses_limit": 500,
        "document_uploads_limit": 50,
        "storage_limit_gb": 10,
    },
    "pro": {
        "price_monthly": 5000,
        "price_yearly": 50_000,
        "prices": {"NGN": {"month": 7_500_000, "year": 75_000_000}},
        "trial_days": 14,
        "ai_responses_limit": 5_000,
        "overage": {"ai_responses": {"USD": "1.5"}},
    },
    "team": {"price_monthly": 9000, "price_yearly": 90_000},
}


@dataclass
class Shop:
    """Palm Grove as a seller of plans. `now` moves only when a test moves it."""

    cast: Cast
    now: datetime

    @property
    def cluster_id(self) -> UUID:
        return self.cast.cluster_id

    @property
    def system(self) -> Actor:
        return Actor(cluster_id=self.cluster_id, currency="NGN", timezone="Africa/Lagos")

    @property
    def staff(self) -> Actor:
        return self._as(self.cast.ada, frozenset({queries.STAFF}))

    @property
    def bola(self) -> Actor:
        return self._as(self.cast.bola)

    def customer(self) -> Actor:
        """Somebody new."""
        return self._as(self.cast.add_resident(f"Customer {uuid4().hex[:6]}"))

    def _as(self, person: Person, permissions: frozenset[str] = frozenset()) -> Actor:
        role = "platform_staff" if permissions else "customer"
        return replace(
            self.system, user_id=person.user_id, role=role, permissions=permissions, origin=person.actor.origin
        )

    def sync(self, plans: dict[str, dict[str, Any]] | None = None) -> list[str]:
        return commands.sync_plans(actor=self.system, catalogue=read_catalogue(plans or PLANS), now=self.now)

    def plan(self, code: str) -> SubscriptionPlan:
        with tenant(self.cluster_id):
            return SubscriptionPlan.objects.get(cluster_id=self.cluster_id, code=code, is_active=True)

    def subscribe(
        self, code: str = "basic", *, actor: Actor | None = None, interval: str = "month", **terms: Any
    ) -> Subscription:
        return commands.subscribe_user(
            actor=actor or self.bola, plan_id=self.plan(code).id, interval=interval, now=self.now, **terms
        )

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)

    def renew(self, subscription: Subscription) -> Subscription:
        """What the job does with it now."""
        commands.renew_subscription(actor=self.system, subscription_id=subscription.id, now=self.now)
        return self.again(subscription)

    def chase(self, subscription: Subscription) -> Subscription:
        commands.settle_standing(actor=self.system, subscription_id=subscription.id, now=self.now)
        return self.again(subscription)

    def end_period(self, subscription: Subscription) -> Subscription:
        """Go to the end of its period, and turn it."""
        self.now = self.again(subscription).current_period_end
        return self.renew(subscription)

    def again(self, subscription: Subscription) -> Subscription:
        with tenant(self.cluster_id):
            return Subscription.objects.get(cluster_id=self.cluster_id, id=subscription.id)

    def documents(self, subscription: Subscription) -> list[Invoice]:
        with tenant(self.cluster_id):
            found = Invoice.objects.filter(cluster_id=self.cluster_id, subscription_id=subscription.id)
            return list(found.order_by("id"))

    def last(self, subscription: Subscription) -> Invoice:
        return self.documents(subscription)[-1]

    def rates(self, document: Invoice) -> set[int]:
        """The rates of tax on its lines, in basis points."""
        with tenant(self.cluster_id):
            rows = InvoiceLine.objects.filter(cluster_id=self.cluster_id, invoice_id=document.id)
            return set(rows.values_list("tax_basis_points", flat=True))

    def lines(self, document: Invoice) -> list[tuple[str, int]]:
        with tenant(self.cluster_id):
            rows = InvoiceLine.objects.filter(cluster_id=self.cluster_id, invoice_id=document.id).order_by("n")
            return [(row.kind, row.amount - row.discount) for row in rows]

    def history(self, subscription: Subscription) -> list[str]:
        with tenant(self.cluster_id):
            rows = SubscriptionEvent.objects.filter(cluster_id=self.cluster_id, subscription_id=subscription.id)
            return list(rows.order_by("n").values_list("kind", flat=True))

    def monthly(self, subscription: Subscription) -> int:
        with tenant(self.cluster_id):
            rows = SubscriptionEvent.objects.filter(cluster_id=self.cluster_id, subscription_id=subscription.id)
            return rows.order_by("-n").values_list("monthly_minor", flat=True)[0]

    def credit(self, subscription: Subscription) -> int:
        with tenant(self.cluster_id):
            return queries.credit_of(user_id=subscription.user_id, currency=subscription.currency).minor

    def pay(
        self, document: Invoice, minor: int | None = None, *, reference: str | None = None, actor: Actor | None = None
    ) -> Payment:
        """Record a bank transfer for a document: all that is due, by its staff, unless said otherwise."""
        with tenant(self.cluster_id):
            document = Invoice.objects.get(cluster_id=self.cluster_id, id=document.id)
        return commands.process_payment(
            actor=actor or self.staff,
            invoice_id=document.id,
            amount=document.amount_due if minor is None else Money(minor, document.currency),
            method=PaymentMethod.BANK_TRANSFER,
            reference=reference or uuid4().hex,
            paid_at=self.now,
            now=self.now,
        )

    def use(
        self, subscription: Subscription, amount: int | str = 1, feature: str = "ai_responses", **more: Any
    ) -> Decimal:
        """Record one use; answers what is now used."""
        kind = FeatureType(feature)
        event = UsageEvent(
            kind, Decimal(amount), more.get("event_id") or uuid4().hex, self.now, more.get("metadata", {})
        )
        actor = replace(self.bola, user_id=subscription.user_id)
        used = commands.record_usage(actor=actor, subscription_id=subscription.id, events=[event], now=self.now)
        return used[kind]

    def mail(self, actor: Actor) -> list[str]:
        """The subjects of what a customer was written."""
        return list(
            Mail.objects.filter(user_id=actor.user_id).order_by("created_at", "id").values_list("subject", flat=True)
        )
