"""Choosing another plan without saying whether it is larger or smaller."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.changing import downgrade_plan, upgrade_plan
from clustr.subscriptions.commands.previewing import is_smaller
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.models import Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import SubscriptionEnded
from clustr.subscriptions.states import SubscriptionStatus


def begins_later(
    *, subscription: Subscription, plan: SubscriptionPlan, interval: str, at_period_end: bool | None
) -> bool:
    """Whether a change to this plan waits for the end of the period: one to a smaller plan, unless `at_period_end` is False,
    or it is a trial.

    Refuses `InvalidValue` where a larger plan is to wait, and `SubscriptionEnded` where the subscription ends with the period.
    """
    smaller = is_smaller(subscription=subscription, plan=plan, interval=interval)
    if at_period_end and not smaller:
        raise InvalidValue.of("when", "not_offered", "A larger plan begins now.")
    later = smaller and at_period_end is not False and subscription.status != SubscriptionStatus.TRIALING
    if later and subscription.cancel_at_period_end:
        raise SubscriptionEnded("It ends with this period. Keep it first.")
    return later


def change_plan(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    at_period_end: bool | None = None,
    proration_date: datetime | None = None,
    digest: str = "",
    now: datetime,
) -> Subscription:
    """Take another plan: a larger one now, a smaller one when the period ends, unless `at_period_end` is False.

    Refuses as `upgrade_plan` and `downgrade_plan` do.
    """
    with tenant(actor.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        plan = queries.offered_plan(plan_id=plan_id)
        begins_later(subscription=subscription, plan=plan, interval=interval, at_period_end=at_period_end)
        if is_smaller(subscription=subscription, plan=plan, interval=interval):
            return downgrade_plan(
                actor=actor,
                subscription_id=subscription_id,
                plan_id=plan_id,
                interval=interval,
                at_period_end=at_period_end is not False,
                proration_date=proration_date,
                digest=digest,
                now=now,
            )
        return upgrade_plan(
            actor=actor,
            subscription_id=subscription_id,
            plan_id=plan_id,
            interval=interval,
            proration_date=proration_date,
            digest=digest,
            now=now,
        )
