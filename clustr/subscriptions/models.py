"""Plans, subscriptions and what happened to them, coupons, billing addresses; and, from beside, documents and usage."""

from __future__ import annotations

from django.db import models

from clustr.kit.money import Money
from clustr.subscriptions.document_models import Dispute, Invoice, InvoiceLine, Payment, Refund, Series
from clustr.subscriptions.schedule import Anchor
from clustr.subscriptions.stripe_models import StripeCall, StripeObject, StripeReconciliation
from clustr.subscriptions.types import MONTHLY, YEARLY, Cycle, Period
from clustr.subscriptions.usage_models import Usage, UsagePack, UsageRecord

__all__ = [
    "BillingAddress",
    "ContractPrice",
    "Coupon",
    "Dispute",
    "Invoice",
    "InvoiceLine",
    "Payment",
    "PendingChange",
    "Redemption",
    "Refund",
    "Series",
    "StripeCall",
    "StripeObject",
    "StripeReconciliation",
    "Subscription",
    "SubscriptionEvent",
    "SubscriptionPlan",
    "Usage",
    "UsagePack",
    "UsageRecord",
    "Verification",
]


class SubscriptionPlan(models.Model):
    """One version of a plan. Its terms never change: a new version takes its place, and who has the old one keeps it.

    Prices in minor units, of `currency`; `prices` in others: `{"NGN": {"month": 3000000, "year": 30000000}}`. `limits`:
    units by feature, null for no limit; a feature without one is not limited. `overage`: what a unit beyond the limit
    costs, in minor units by feature and currency; where it has no price, the limit is a hard stop.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    code = models.TextField()
    version = models.PositiveIntegerField()
    name = models.TextField()
    description = models.TextField()
    currency = models.CharField(max_length=3)
    price_monthly = models.BigIntegerField()
    price_yearly = models.BigIntegerField()
    prices = models.JSONField(default=dict)
    stripe_price_id_monthly = models.TextField(default="")
    stripe_price_id_yearly = models.TextField(default="")
    features = models.JSONField(default=list)
    limits = models.JSONField(default=dict)
    overage = models.JSONField(default=dict)
    is_active = models.BooleanField()
    trial_days = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "subscriptions_plan"

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Subscription(models.Model):
    """Who has which plan, for themself or for an estate (`for_cluster_id`). `price_minor` was agreed when they chose it,
    for each `interval`, before any coupon; `period_price_minor` is what the period under way was charged at, after one.
    Periods are counted from `anchor_at`. `included`: units by feature that changes of plan in the period that began at
    `included_since` left on top of the plan's limits, or below them; of another period it says nothing. `usage_owed`: what changes of plan within the
    period settled of usage, where a card pays it with the next invoice. `metered_until`: up to when what its estate did is counted. `stripe_asked`: how often Stripe was asked about it, `stripe_seen`: which of these
    times brought what stands here; what was asked earlier and comes later is old."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    for_cluster_id = models.UUIDField(null=True)
    plan_id = models.UUIDField()
    interval = models.TextField()
    currency = models.CharField(max_length=3)
    price_minor = models.BigIntegerField()
    period_price_minor = models.BigIntegerField()
    collection = models.TextField()
    stripe_subscription_id = models.TextField(default="")
    stripe_asked = models.BigIntegerField(default=0)
    stripe_seen = models.BigIntegerField(default=0)
    stripe_seen_at = models.DateTimeField(null=True)
    status = models.TextField()
    anchor_at = models.DateTimeField()
    anchor_day = models.PositiveSmallIntegerField()
    current_period_start = models.DateTimeField()
    current_period_end = models.DateTimeField()
    included = models.JSONField(default=dict)
    included_since = models.DateTimeField(null=True)
    usage_owed = models.JSONField(default=list)
    trial_end = models.DateTimeField(null=True)
    trial_told_at = models.DateTimeField(null=True)
    cancel_at_period_end = models.BooleanField(default=False)
    canceled_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(default="")
    past_due_since = models.DateTimeField(null=True)
    dunning_step = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    metered_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.status} until {self.current_period_end:%Y-%m-%d}"

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.currency)

    @property
    def period_price(self) -> Money:
        return Money(self.period_price_minor, self.currency)

    @property
    def period(self) -> Period:
        """The period under way."""
        return Period(self.current_period_start, self.current_period_end)

    @property
    def cycle(self) -> Cycle:
        return YEARLY if self.interval == "year" else MONTHLY

    def anchor(self, zone: str) -> Anchor:
        """What its periods are counted from, in the time zone of who sells."""
        return Anchor(self.anchor_at, self.anchor_day, zone)


class PendingChange(models.Model):
    """The plan a subscription gets when its period ends. Its id is the subscription's."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    plan_id = models.UUIDField()
    interval = models.TextField()
    price_minor = models.BigIntegerField()
    applies_at = models.DateTimeField()
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"from {self.applies_at:%Y-%m-%d}"


class SubscriptionEvent(models.Model):
    """What happened to a subscription, in order; append-only. `monthly_minor`: its recurring monthly revenue after it."""

    pk = models.CompositePrimaryKey("cluster_id", "subscription_id", "n")
    cluster_id = models.UUIDField()
    subscription_id = models.UUIDField()
    n = models.PositiveIntegerField()
    kind = models.TextField()
    status = models.TextField()
    plan_id = models.UUIDField()
    interval = models.TextField()
    monthly_minor = models.BigIntegerField()
    reason = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "subscriptions_event"

    def __str__(self) -> str:
        return f"{self.n}. {self.kind}"


class ContractPrice(models.Model):
    """A price agreed with one customer for a plan, for a term."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    plan_code = models.TextField()
    interval = models.TextField()
    currency = models.CharField(max_length=3)
    price_minor = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    agreed_by = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "subscriptions_contract"

    def __str__(self) -> str:
        return f"{self.plan_code} for {Money(self.price_minor, self.currency).with_sign()}"


class Coupon(models.Model):
    """A discount by code: a share (`basis_points`) or an amount. `redeemed` never passes `max_redemptions`.

    `needs_verification`: only for who was verified as, for example, a student.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    code = models.TextField()
    name = models.TextField()
    basis_points = models.PositiveIntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3, default="")
    duration = models.TextField()
    duration_months = models.PositiveSmallIntegerField(null=True)
    max_redemptions = models.PositiveIntegerField(null=True)
    redeemed = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    plan_code = models.TextField(default="")
    needs_verification = models.TextField(default="")
    is_active = models.BooleanField(default=True)
    stripe_coupon_id = models.TextField(default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class Redemption(models.Model):
    """A coupon that a customer used for a subscription: once per coupon and customer. It counts until `ends_at`; one that
    lowers a single invoice until it did (`used_at`)."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    coupon_id = models.UUIDField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField()
    redeemed_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"redeemed {self.redeemed_at:%Y-%m-%d}"


class Verification(models.Model):
    """That somebody is what a coupon asks for ("education"), as staff saw it, until it expires."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    kind = models.TextField()
    verified_by = models.UUIDField()
    verified_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} until {self.expires_at:%Y-%m-%d}"


class BillingAddress(models.Model):
    """Where a customer's invoices are addressed to. One of a customer's is the default."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    name = models.TextField(default="")
    tax_id = models.TextField(default="")
    line1 = models.TextField()
    line2 = models.TextField(default="")
    city = models.TextField()
    state = models.TextField(default="")
    postal_code = models.TextField(default="")
    country = models.CharField(max_length=2)
    is_default = models.BooleanField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.line1}, {self.city}"
