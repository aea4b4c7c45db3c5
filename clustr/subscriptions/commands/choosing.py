"""Choosing another plan without saying whether it is larger or smaller."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.errors import InvalidValue
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.changing import downgrade_plan, upgrade_plan
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.policies import rank_of


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
        currency, present = subscription.currency, queries.plan_of(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        before = rank_of(plan=present, interval=subscription.interval, currency=currency)
        if rank_of(plan=plan, interval=interval, currency=currency) < before:
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
        if at_period_end:
            raise InvalidValue.of("when", "not_offered", "A larger plan begins now.")
        return upgrade_plan(
            actor=actor,
            subscription_id=subscription_id,
            plan_id=plan_id,
            interval=interval,
            proration_date=proration_date,
            digest=digest,
            now=now,
        )
