"""Usage: counted once per event, exactly, against the plan's limits; packs paid for in advance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue, refusals_from_database
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.recording import lock_subscription, tell_estate
from clustr.subscriptions.commands.renewing import renew_subscription
from clustr.subscriptions.models import Invoice, Subscription, SubscriptionPlan, UsagePack
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.policies import ceiling_of
from clustr.subscriptions.pricing import crossed
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import SubscriptionLapsed, SubscriptionNotFound, UsageLimitReached
from clustr.subscriptions.states import USABLE
from clustr.subscriptions.types import (
    COUNTED_BY_ITSELF,
    LEVELS,
    NEVER_WITHHELD,
    WARN_AT,
    FeatureType,
    Line,
    LineKind,
    UsageEvent,
)
from clustr.subscriptions.usage_queries import packs_sold

MOST_AT_ONCE = 5_000
BUY_UNITS = "/platform/usage/"
"""Where units are bought in advance."""
_CLOCKS_DIFFER = timedelta(minutes=5)
"""By how much the clock of whoever reports may be ahead."""

_RECORD = (
    "SELECT feature, before, after, counted FROM subscriptions_record_usage(%s, %s, %s, %s, %s, %s, %s, %s, %s::numeric[],"
    " %s, %s, %s, %s::numeric[], %s, %s::jsonb[])"
)


def record_usage(
    *, actor: Actor, subscription_id: UUID, events: Sequence[UsageEvent], now: datetime
) -> dict[FeatureType, Decimal]:
    """Count a batch of uses of one's own subscription, each once for its `event_id`, all or none. Answers what is now used
    of each feature it names. Where the plan stops at its limit, a batch that would pass it counts nothing.

    Refuses `InvalidValue` (used before the period under way, or in the future), `UsageLimitReached`, `UsageBelowZero`, `UsageEventReused`, `SubscriptionNotFound`, `SubscriptionLapsed`.
    """
    if not 0 < len(events) <= MOST_AT_ONCE:
        raise InvalidValue.of("events", "invalid", "One to {most} events at once.", most=f"{MOST_AT_ONCE:,}")
    _refuse_wrong_amounts(events)
    _turn_if_due(actor, subscription_id, now)
    with tenant(actor.cluster_id), crash_points("subscriptions.record_usage"):
        subscription = _shared(actor, subscription_id)
        _refuse_other_times(subscription, events, now)
        plan = queries.plan_of(subscription=subscription)
        packs = queries.on_top_now(subscription=subscription)
        _refuse_counted_by_itself(subscription, events)
        ceilings = {
            feature: ceiling_of(
                plan=plan, feature=feature, currency=subscription.currency, packs=packs.get(feature, Decimal(0))
            )
            for feature in {event.feature_type for event in events}
        }
        with _told_of_packs(subscription, plan):
            counted = count_events(subscription=subscription, events=events, ceilings=ceilings, now=now)
        warn_of_limits(subscription=subscription, plan=plan, packs=packs, counted=counted, now=now)
    return {feature: after for feature, (_, after) in counted.items()}


def buy_usage_pack(
    *, actor: Actor, subscription_id: UUID, feature: FeatureType, quantity: Decimal, price: Money, now: datetime
) -> Invoice:
    """Sell units in advance, on top of the plan's limit, for the period under way; invoiced at once.

    For platform staff, who agree on the price, and never with themself. Refuses `SubscriptionNotFound`, `SubscriptionLapsed`.
    """
    actor.require(STAFF)
    if quantity <= 0 or price.minor <= 0 or feature in LEVELS:
        raise InvalidValue.of(
            "quantity", "invalid", "A pack holds some units of a feature that is counted, for a price."
        )
    with tenant(actor.cluster_id), crash_points("subscriptions.buy_usage_pack"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.user_id == actor.user_id:
            raise InvalidValue.of("subscription_id", "own_affair", "Nobody sells units to themself.")
        if subscription.status not in USABLE or subscription.current_period_end <= now:
            raise SubscriptionLapsed
        tax = queries.tax_of(user_id=subscription.user_id)
        line = Line(
            LineKind.USAGE_PACK,
            f"{quantity.normalize():f} {feature.label} in advance",
            price,
            subscription.period,
            tax_basis_points=tax,
            discountable=False,
        )
        invoice = generate_invoice(actor=actor, subscription=subscription, lines=[line], now=now)
        if invoice is None:
            raise AssertionError("a line that charges something makes an invoice")
        UsagePack.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            subscription_id=subscription.id,
            invoice_id=invoice.id,
            feature_type=feature.value,
            quantity=quantity,
            starts_at=subscription.current_period_start,
            bought_at=now,
        )
        tell_estate(subscription=subscription)
        audit.record(
            actor=actor,
            action="subscriptions.usage_pack_sold",
            subject_kind="subscription",
            subject_id=subscription.id,
            at=now,
            facts={"feature": feature.value, "quantity": str(quantity)},
        )
    return invoice


@contextmanager
def _told_of_packs(subscription: Subscription, plan: SubscriptionPlan) -> Iterator[None]:
    """Whoever is refused more of what can be bought in advance is told where."""
    try:
        yield
    except UsageLimitReached as refusal:
        said = str(refusal.detail)
        sold = {pack.feature.value for pack in packs_sold(subscription=subscription, plan=plan)}
        if not any(said.startswith(f"Of {feature},") for feature in sold):
            raise
        raise UsageLimitReached(
            "{used} More can be bought in advance: {at}", used=said, at=bought_at(subscription=subscription)
        ) from refusal


def bought_at(*, subscription: Subscription) -> str:
    """The page on which units are bought in advance."""
    estate = f"?estate={subscription.for_cluster_id}" if subscription.for_cluster_id else ""
    return f"{settings.BASE_URL}{BUY_UNITS}{estate}"


def _refuse_wrong_amounts(events: Sequence[UsageEvent]) -> None:
    for number, event in enumerate(events):
        if event.amount == 0 or (event.amount < 0 and event.feature_type not in LEVELS):
            raise InvalidValue.of(f"events.{number}.amount", "invalid", "Only what is in use can become less.")
        if not event.event_id.strip():
            raise InvalidValue.of(f"events.{number}.event_id", "invalid", "An event has an id by which it counts once.")


def _refuse_counted_by_itself(subscription: Subscription, events: Sequence[UsageEvent]) -> None:
    if subscription.for_cluster_id is None:
        return
    for number, event in enumerate(events):
        if event.feature_type in COUNTED_BY_ITSELF:
            raise InvalidValue.of(f"events.{number}.feature_type", "invalid", "The estate counts these by itself.")


def _turn_if_due(actor: Actor, subscription_id: UUID, now: datetime) -> None:
    with tenant(actor.cluster_id):
        due = Subscription.objects.filter(
            cluster_id=actor.cluster_id, id=subscription_id, user_id=actor.member_id, current_period_end__lte=now
        ).exists()
    if due:
        renew_subscription(actor=actor, subscription_id=subscription_id, now=now)


def _refuse_other_times(subscription: Subscription, events: Sequence[UsageEvent], now: datetime) -> None:
    """What was used before the period under way was invoiced with its own; nothing was used later than now."""
    begins = subscription.current_period_start
    if any(not begins <= event.at <= now + _CLOCKS_DIFFER for event in events):
        raise InvalidValue.of(
            "at",
            "not_in_period",
            "It was used within the period under way, and not in the future: leave `at` out for now.",
        )


def _shared(actor: Actor, subscription_id: UUID) -> Subscription:
    """The subscription, locked so that many may count at once while its plan and period stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM subscriptions_subscription WHERE cluster_id = %s AND id = %s AND user_id = %s FOR SHARE",
            [actor.cluster_id, subscription_id, actor.member_id],
        )
        if cursor.fetchone() is None:
            raise SubscriptionNotFound
    subscription = Subscription.objects.get(cluster_id=actor.cluster_id, id=subscription_id)
    if subscription.status not in USABLE:
        raise SubscriptionLapsed
    return subscription


def count_events(
    *,
    subscription: Subscription,
    events: Sequence[UsageEvent],
    ceilings: Mapping[FeatureType, Decimal | None],
    now: datetime,
) -> dict[FeatureType, tuple[Decimal, Decimal]]:
    """Count events of a subscription that is locked, each once for its id, all or none; `ceilings`: beyond which nothing is
    counted. Answers what was used before and after. Refuses as `record_usage`."""
    features = sorted({event.feature_type for event in events})
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            [
                subscription.id,
                subscription.user_id,
                subscription.current_period_start,
                subscription.current_period_end,
                now,
                [feature.value for feature in features],
                [queries.counted_since(subscription=subscription, feature=feature) for feature in features],
                [feature in LEVELS for feature in features],
                [ceilings[feature] for feature in features],
                [new_id() for _ in events],
                [event.event_id for event in events],
                [event.feature_type.value for event in events],
                [event.amount for event in events],
                [event.at for event in events],
                [json.dumps(event.metadata) for event in events],
            ],
        )
        return {FeatureType(feature): (before, after) for feature, before, after, _ in cursor.fetchall()}


def warn_of_limits(
    *,
    subscription: Subscription,
    plan: SubscriptionPlan,
    packs: dict[FeatureType, Decimal],
    counted: dict[FeatureType, tuple[Decimal, Decimal]],
    now: datetime,
) -> None:
    """Tell the customer once when usage passes 80 and 100 per cent of what is included; both at once in one message."""
    sold = {pack.feature for pack in packs_sold(subscription=subscription, plan=plan)}
    for feature, (before, after) in counted.items():
        limit = plan.limits.get(feature)
        if not limit:
            continue
        included = Decimal(limit) + packs.get(feature, Decimal(0))
        reached = crossed(
            previous=before, current=after, thresholds=[included * per_cent / 100 for per_cent in WARN_AT]
        )
        if reached:
            facts = {
                "feature": feature.label,
                "used": f"{after.normalize():f}",
                "limit": f"{included.normalize():f}",
                "full": after >= included,
                "charged": plan.overage.get(feature, {}).get(subscription.currency) is not None,
                "goes_on": feature in NEVER_WITHHELD,
                "level": feature in LEVELS,
                "buy_at": bought_at(subscription=subscription) if feature in sold else "",
            }
            tell_customer(told=Told.USAGE, user_id=subscription.user_id, facts=facts, now=now)
