"""Usage against the plan's limits, what goes beyond, and reports over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.catalogue import PackTerms
from clustr.subscriptions.models import Subscription, SubscriptionPlan
from clustr.subscriptions.policies import offers_pack, overage_lines, sells_packs
from clustr.subscriptions.pricing import overage
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.subscriptions.types import LEVELS, FeatureType


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """How a feature stands in the period under way. `limit` None: no limit. `packs`: units bought in advance. `included`
    counts them too, and what changes of plan within the period left. `beyond`: units beyond what is included; `charged`: they are charged, else the limit is a hard
    stop (not of messages, which are never withheld). `sold`: more can be bought in advance."""

    feature: FeatureType
    used: Decimal
    limit: Decimal | None
    included: Decimal | None
    beyond: Decimal
    charged: bool
    level: bool
    packs: Decimal = Decimal(0)
    sold: bool = False


@dataclass(frozen=True, slots=True)
class UsageOfDay:
    """What was used of a feature on a day, in the time zone of who sells. Of a level: by how much it changed."""

    day: str
    feature: FeatureType
    amount: Decimal
    events: int


_REPORT = """
SELECT (used_at AT TIME ZONE %s)::date::text, feature_type, sum(usage_amount), count(*) FROM subscriptions_usagerecord
WHERE cluster_id = %s AND subscription_id = %s AND billing_period_start >= %s AND billing_period_start < %s
GROUP BY 1, 2 ORDER BY 1, 2
"""


def check_limits(*, actor: Actor, subscription_id: UUID) -> list[FeatureUse]:
    """Every feature that the plan limits or that was used, as it stands now. Refuses `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        plan = queries.plan_of(subscription=subscription)
        used, on_top = queries.used_now(subscription=subscription), queries.on_top_now(subscription=subscription)
        packs = queries.packs_now(subscription=subscription)
        sold = {pack.feature for pack in packs_sold(subscription=subscription, plan=plan)}
        features = sorted({FeatureType(name) for name in plan.limits} | set(used))
        return [
            _standing(
                feature=feature,
                used=used.get(feature, Decimal(0)),
                limit=plan.limits.get(feature),
                packs=packs.get(feature, Decimal(0)),
                on_top=on_top.get(feature, Decimal(0)),
                charged=plan.overage.get(feature, {}).get(subscription.currency) is not None,
                sold=feature in sold,
            )
            for feature in features
        ]


def packs_on_offer(*, actor: Actor, subscription_id: UUID) -> list[PackTerms]:
    """Units that can be bought in advance, as things stand: of what the plan limits, where it is paid by card. Refuses
    `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        return packs_sold(subscription=subscription, plan=queries.plan_of(subscription=subscription))


def packs_sold(*, subscription: Subscription, plan: SubscriptionPlan) -> list[PackTerms]:
    """The same for a subscription that was read, with its plan."""
    if not sells_packs(subscription=subscription):
        return []
    return [pack for pack in settings.USAGE_PACKS if offers_pack(plan=plan, currency=subscription.currency, pack=pack)]


def calculate_overage(*, actor: Actor, subscription_id: UUID) -> dict[FeatureType, Money]:
    """What was used beyond the limits in the period under way comes to so far, by feature, net of tax."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        plan = queries.plan_of(subscription=subscription)
        used, packs = queries.used_now(subscription=subscription), queries.on_top_now(subscription=subscription)
        costs = {}
        for feature, amount in used.items():
            for line in overage_lines(
                plan=plan,
                used={feature: amount},
                packs=packs,
                period=subscription.period,
                currency=subscription.currency,
                tax_basis_points=0,
            ):
                costs[feature] = line.amount
        return costs


def generate_usage_report(
    *, actor: Actor, subscription_id: UUID, since: datetime, until: datetime
) -> Iterator[UsageOfDay]:
    """What was used day by day in the billing periods that began in [since, until); its cost does not grow with the
    history before."""
    with tenant(actor.cluster_id):
        subscription = own_subscription(actor=actor, subscription_id=subscription_id)
        with connection.cursor() as cursor:
            cursor.execute(_REPORT, [actor.timezone, actor.cluster_id, subscription.id, since, until])
            rows = cursor.fetchall()
    return (UsageOfDay(day, FeatureType(feature), amount, events) for day, feature, amount, events in rows)


def own_subscription(*, actor: Actor, subscription_id: UUID) -> Subscription:
    """A subscription of who asks; for platform staff, anybody's. Refuses `SubscriptionNotFound`."""
    found = Subscription.objects.filter(cluster_id=actor.cluster_id, id=subscription_id)
    if not actor.may(queries.STAFF):
        found = found.filter(user_id=actor.member_id)
    subscription = found.first()
    if subscription is None:
        raise SubscriptionNotFound
    return subscription


def _standing(
    *,
    feature: FeatureType,
    used: Decimal,
    limit: int | None,
    packs: Decimal,
    on_top: Decimal,
    charged: bool,
    sold: bool,
) -> FeatureUse:
    included = None if limit is None else Decimal(limit) + on_top
    beyond = Decimal(0) if limit is None else overage(used=used, limit=Decimal(limit), packs=on_top)
    whole = None if limit is None else Decimal(limit)
    return FeatureUse(feature, used, whole, included, beyond, charged, feature in LEVELS, packs, sold)
