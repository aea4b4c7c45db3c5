"""What plans there are, who has which, and what counts for them: the reader that others call."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.actor import Actor, Origin
from clustr.kit.ids import derived_id
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.ledger import queries as books
from clustr.ledger.types import AccountKind
from clustr.subscriptions.models import (
    BillingAddress,
    ContractPrice,
    Coupon,
    Invoice,
    InvoiceLine,
    PendingChange,
    Redemption,
    Subscription,
    SubscriptionPlan,
    Usage,
    UsagePack,
    Verification,
)
from clustr.subscriptions.policies import discount_of, in_force, price_of, tax_rates
from clustr.subscriptions.refusals import PlanNotFound
from clustr.subscriptions.states import InvoiceStatus, SubscriptionStatus
from clustr.subscriptions.types import LEVELS, Discount, Duration, FeatureType, LineKind

PlanRow: TypeAlias = SubscriptionPlan
"""A version of a plan, for whom it is only shown to."""

STAFF = "ManageSubscriptions"
"""What the platform's own staff may: record transfers, void invoices, make coupons, agree on prices."""


def customer_actor(*, user_id: UUID, is_platform_staff: bool, origin: Origin) -> Actor:
    """A signed-in person as the platform's customer, or as one of its staff."""
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    return Actor(
        cluster_id=platform.cluster_id,
        currency=platform.currency,
        timezone=platform.timezone,
        user_id=user_id,
        role="platform_staff" if is_platform_staff else "customer",
        permissions=frozenset({STAFF}) if is_platform_staff else frozenset(),
        origin=origin,
    )


def offered_plans() -> list[SubscriptionPlan]:
    """The plans on offer in the tenant under way, the cheapest first."""
    plans = SubscriptionPlan.objects.filter(cluster_id=current_tenant(), is_active=True)
    return list(plans.order_by("price_monthly", "code"))


def offered_plan(*, plan_id: UUID) -> SubscriptionPlan:
    """A plan that can be chosen now. Refuses PlanNotFound."""
    plan = SubscriptionPlan.objects.filter(cluster_id=current_tenant(), id=plan_id, is_active=True).first()
    if plan is None:
        raise PlanNotFound
    return plan


def offered_plan_named(*, code: str) -> SubscriptionPlan:
    """The plan of this code that can be chosen now, in its present version. Refuses PlanNotFound."""
    plan = SubscriptionPlan.objects.filter(cluster_id=current_tenant(), code=code, is_active=True).first()
    if plan is None:
        raise PlanNotFound
    return plan


def plan_names() -> dict[str, str]:
    """What each plan of the tenant under way is called, by its code; of one that has several versions, the one on offer."""
    plans = SubscriptionPlan.objects.filter(cluster_id=current_tenant()).order_by("is_active", "id")
    return dict(plans.values_list("code", "name"))


def plan_of(*, subscription: Subscription) -> SubscriptionPlan:
    """The version of the plan that a subscription has."""
    return SubscriptionPlan.objects.get(cluster_id=subscription.cluster_id, id=subscription.plan_id)


def agreed_price(*, user_id: UUID, plan: SubscriptionPlan, interval: str, currency: str, now: datetime) -> Money:
    """What a plan costs this customer: by contract if there is one in force, else as the plan says."""
    contract = (
        ContractPrice.objects.filter(
            Q(ends_at=None) | Q(ends_at__gt=now),
            cluster_id=current_tenant(),
            user_id=user_id,
            plan_code=plan.code,
            interval=interval,
            currency=currency,
            starts_at__lte=now,
        )
        .order_by("-created_at", "-id")
        .first()
    )
    if contract is not None:
        return Money(contract.price_minor, currency)
    return price_of(plan=plan, interval=interval, currency=currency)


def pending_change(*, subscription: Subscription) -> PendingChange | None:
    """The change that waits for the end of the period."""
    return PendingChange.objects.filter(cluster_id=subscription.cluster_id, id=subscription.id).first()


def redemption_in_force(
    *, subscription: Subscription, at: datetime, plan: SubscriptionPlan | None = None, lasting: bool = False
) -> tuple[Redemption, Coupon] | None:
    """The coupon that lowers an invoice made at this instant for `plan`, by default the one that the subscription has: the
    newest that still counts for it, and for who was verified only as long as that holds. `lasting`: of those that lower more
    than a single invoice."""
    plan = plan or plan_of(subscription=subscription)
    redemptions = Redemption.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
    for redemption in redemptions.order_by("-redeemed_at", "-id"):
        coupon = Coupon.objects.get(cluster_id=subscription.cluster_id, id=redemption.coupon_id)
        if lasting and coupon.duration == Duration.ONCE:
            continue
        kind = coupon.needs_verification
        if kind and not is_verified(user_id=subscription.user_id, kind=kind, now=at):
            continue
        if in_force(coupon=coupon, redemption=redemption, plan=plan, at=at):
            return redemption, coupon
    return None


def discount_in_force(
    *, subscription: Subscription, at: datetime, plan: SubscriptionPlan | None = None
) -> Discount | None:
    """What is taken off an invoice made at this instant."""
    found = redemption_in_force(subscription=subscription, at=at, plan=plan)
    return discount_of(coupon=found[1]) if found else None


def lasting_discount(
    *, subscription: Subscription, at: datetime, plan: SubscriptionPlan | None = None
) -> Discount | None:
    """The same, where it lowers more than a single invoice: what recurring revenue is less by."""
    found = redemption_in_force(subscription=subscription, at=at, plan=plan, lasting=True)
    return discount_of(coupon=found[1]) if found else None


def is_verified(*, user_id: UUID, kind: str, now: datetime) -> bool:
    """Whether staff saw that this customer is of a kind, and it has not expired."""
    seen = Verification.objects.filter(cluster_id=current_tenant(), user_id=user_id, kind=kind, expires_at__gt=now)
    return seen.exists()


def had_trial(*, user_id: UUID, for_cluster_id: UUID | None) -> bool:
    """Whether this customer, or this estate, ever began a trial: there is one each."""
    began = Subscription.objects.filter(cluster_id=current_tenant()).exclude(trial_end=None)
    mine = began.filter(user_id=user_id, for_cluster_id=None)
    return (began.filter(for_cluster_id=for_cluster_id) if for_cluster_id else mine).exists()


def billing_address(*, user_id: UUID) -> BillingAddress | None:
    """Where this customer's invoices are addressed to."""
    return BillingAddress.objects.filter(cluster_id=current_tenant(), user_id=user_id, is_default=True).first()


def tax_of(*, user_id: UUID) -> int:
    """The tax on what this customer buys, in basis points: that of their country, or of the platform's."""
    return tax_terms_of(user_id=user_id)[0]


def tax_terms_of(*, user_id: UUID) -> tuple[int, str]:
    """The same, and the country (two letters) it follows from: that of their billing address, or the platform's."""
    address = billing_address(user_id=user_id)
    country = address.country if address else settings.ENV.SUBSCRIPTION_COUNTRY
    return tax_rates(settings.ENV.SUBSCRIPTION_TAX_RATES).get(country, 0), country


def tax_of_period(*, subscription: Subscription) -> int:
    """The tax at which the plan's price was charged in the period under way, in basis points: that of the last line that
    charges it. Today's where nothing was charged."""
    charged = InvoiceLine.objects.filter(
        cluster_id=subscription.cluster_id,
        invoice_id__in=Invoice.objects.filter(
            cluster_id=subscription.cluster_id, subscription_id=subscription.id, corrects_id=None
        ).values("id"),
        kind__in=(LineKind.PLAN, LineKind.REMAINING_TIME),
        period_end=subscription.current_period_end,
    )
    rate = charged.order_by("-invoice_id", "-n").values_list("tax_basis_points", flat=True).first()
    return tax_of(user_id=subscription.user_id) if rate is None else rate


def open_invoices(*, user_id: UUID, currency: str) -> QuerySet[Invoice]:
    """What a customer owes by transfer in a currency. What Stripe collects is owed there."""
    return Invoice.objects.filter(
        cluster_id=current_tenant(), user_id=user_id, currency=currency, status=InvoiceStatus.OPEN, stripe_invoice_id=""
    )


def is_behind(*, user_id: UUID, now: datetime) -> bool:
    """Whether an invoice of this customer, to be paid by transfer, is overdue, of whatever subscription."""
    owed = Invoice.objects.filter(
        cluster_id=current_tenant(), user_id=user_id, status=InvoiceStatus.OPEN, stripe_invoice_id="", due_date__lt=now
    )
    return owed.exists()


def is_owing(*, subscription: Subscription, now: datetime) -> bool:
    """Whether an invoice of this subscription is overdue: by card as Stripe says, else by its day."""
    if subscription.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return True
    owed = Invoice.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        status=InvoiceStatus.OPEN,
        stripe_invoice_id="",
        due_date__lt=now,
    )
    return owed.exists()


def credit_of(*, user_id: UUID, currency: str) -> Money:
    """What stands in a customer's favour."""
    return books.balance_of(kind=AccountKind.CUSTOMER_CREDIT, currency=currency, subject_id=user_id)


def credit_holder(*, document: Invoice) -> UUID:
    """In whose favour a document's credit stands: the customer's; of what Stripe collects an account beside it, because
    that credit is kept at Stripe and pays there alone."""
    return stripe_credit_holder(user_id=document.user_id) if document.stripe_invoice_id else document.user_id


def stripe_credit_holder(*, user_id: UUID) -> UUID:
    """The subject of a customer's credit at Stripe."""
    return derived_id("stripe_credit", user_id)


def counted_since(*, subscription: Subscription, feature: FeatureType) -> datetime:
    """Since when a feature is counted: the period's start, or for a level the subscription's."""
    return subscription.created_at if feature in LEVELS else subscription.current_period_start


def used_now(*, subscription: Subscription) -> dict[FeatureType, Decimal]:
    """What was used of each feature in the period under way, or is in use."""
    rows = Usage.objects.filter(
        Q(level=False, starts_at=subscription.current_period_start) | Q(level=True),
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
    )
    return {FeatureType(row.feature_type): row.used for row in rows}


def on_top_now(*, subscription: Subscription) -> dict[FeatureType, Decimal]:
    """What is included in the period under way on top of the plan's limits, or below them: packs, and what changes of plan
    within the period left."""
    on_top = packs_now(subscription=subscription)
    for feature, units in left_by_changes(subscription=subscription).items():
        on_top[feature] = on_top.get(feature, Decimal(0)) + units
    return on_top


def left_by_changes(*, subscription: Subscription) -> dict[FeatureType, Decimal]:
    """What changes of plan within the period under way left on top of the plan's limits, or below them."""
    if subscription.included_since != subscription.current_period_start:
        return {}
    return {FeatureType(name): Decimal(units) for name, units in subscription.included.items()}


def packs_now(*, subscription: Subscription) -> dict[FeatureType, Decimal]:
    """What was paid for in advance in the period under way, on top of the plan's limits."""
    packs = (
        UsagePack.objects.filter(
            cluster_id=subscription.cluster_id,
            subscription_id=subscription.id,
            starts_at=subscription.current_period_start,
        )
        .values("feature_type")
        .annotate(quantity=Sum("quantity"))
    )
    return {FeatureType(row["feature_type"]): row["quantity"] for row in packs}
