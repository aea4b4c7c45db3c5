"""Jobs of this room: periods that end, invoices that are overdue, trials about to end, and the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from clustr.clusters.queries import system_actor
from clustr.kit import clock
from clustr.kit.jobs import MESSAGES, MONEY, UPKEEP, enqueue, periodic, task
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions import commands
from clustr.subscriptions.schedule import TRIAL_WARNING

AT_ONCE = 20_000
"""How many are looked up at once; the rest has its turn when these have been seen to."""

_ENDED = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND collection <> 'stripe' AND current_period_end <= %s
  AND (status IN ('trialing', 'active', 'past_due') OR (status = 'unpaid' AND cancel_at_period_end))
ORDER BY current_period_end LIMIT %s
"""
_TRIALS = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND status = 'trialing' AND trial_told_at IS NULL AND trial_end <= %s ORDER BY trial_end LIMIT %s
"""
_OWING = """
SELECT DISTINCT i.cluster_id, i.subscription_id FROM subscriptions_invoice i
JOIN subscriptions_subscription s ON s.cluster_id = i.cluster_id AND s.id = i.subscription_id
WHERE i.status = 'open' AND i.due_date < %s AND s.status IN ('active', 'past_due') LIMIT %s
"""
_CALLS = """
SELECT cluster_id, id FROM subscriptions_stripecall
WHERE state IN ('recorded', 'waiting') AND next_attempt_at <= %s ORDER BY next_attempt_at LIMIT %s
"""
_UNHEARD = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND collection = 'stripe' AND stripe_subscription_id <> ''
  AND status IN ('trialing', 'active', 'past_due') AND current_period_end <= %s ORDER BY current_period_end LIMIT %s
"""
_AGREED = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND collection = 'stripe' AND stripe_subscription_id <> ''
  AND status IN ('trialing', 'active', 'past_due') AND current_period_end <= %s ORDER BY current_period_end DESC LIMIT %s
"""
_ESTATES = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND for_cluster_id IS NOT NULL AND status NOT IN ('incomplete', 'incomplete_expired')
  AND (metered_until IS NULL OR metered_until < %s) ORDER BY metered_until NULLS FIRST LIMIT %s
"""
STRIPE_IS_LATE = timedelta(hours=2)
"""A renewal is a draft at Stripe for about an hour; of one that nothing was heard of after two, it is asked."""
RECONCILED = timedelta(days=3)
BEFORE_RENEWAL = timedelta(hours=12)


@periodic(cron="* * * * *", name="subscriptions.turn_periods", queue=MONEY)
def turn_ended_periods(timestamp: int) -> None:
    """Every minute: begin and invoice the next period of each subscription whose period has ended."""
    del timestamp
    _for_each(_ENDED, clock.now(), "subscriptions.renew")


@periodic(cron="7 * * * *", name="subscriptions.chase")
def chase_overdue(timestamp: int) -> None:
    """Every hour: remind of invoices that are overdue, and stop the plans of those that stayed unpaid."""
    del timestamp
    _for_each(_OWING, clock.now(), "subscriptions.settle_standing")


@periodic(cron="11 * * * *", name="subscriptions.warn_of_trials")
def warn_of_trials(timestamp: int) -> None:
    """Every hour: tell customers whose trial ends within three days."""
    del timestamp
    _for_each(_TRIALS, clock.now() + TRIAL_WARNING, "subscriptions.warn_of_trial_end")


@periodic(cron="* * * * *", name="subscriptions.ask_due_calls", queue=MONEY)
def ask_due_calls(timestamp: int) -> None:
    """Every minute: ask Stripe again what was asked and not heard, and look at its pages that have expired."""
    del timestamp
    commands.ask_due_calls(due=_due(_CALLS, clock.now()), now=clock.now())


@periodic(cron="19 * * * *", name="subscriptions.look_after_stripe", queue=MONEY)
def look_after_stripe(timestamp: int) -> None:
    """Every hour: ask Stripe about the subscriptions whose period has ended and of which it told nothing."""
    del timestamp
    _for_each(_UNHEARD, clock.now() - STRIPE_IS_LATE, "subscriptions.follow")


@periodic(cron="29 * * * *", name="subscriptions.take_agreed_prices", queue=MONEY)
def take_agreed_prices(timestamp: int) -> None:
    """Every hour: tell Stripe the price that is agreed for each period that begins within twelve hours."""
    del timestamp
    _for_each(_AGREED, clock.now() + BEFORE_RENEWAL, "subscriptions.take_agreed_price")


@periodic(cron="41 4 * * *", name="subscriptions.reconcile", queue=MONEY)
def reconcile(timestamp: int) -> None:
    """Every night: compare the subscriptions, the invoices and what went back in the last three days with Stripe's, and book what was missed."""
    del timestamp
    now = clock.now()
    commands.reconcile_subscriptions(since=now - RECONCILED, now=now)


@periodic(cron="37 * * * *", name="subscriptions.meter_estates")
def meter_estates(timestamp: int) -> None:
    """Every hour: count the members, bills and messages of the estates that have a plan."""
    del timestamp
    _for_each(_ESTATES, clock.now(), "subscriptions.meter_estate")


@task(name="subscriptions.ask_stripe", queue=MONEY)
def ask_stripe(*, cluster_id: str, call_id: str) -> None:
    """Ask Stripe what was recorded: what nobody waits for, and what whoever recorded it did not ask."""
    commands.ask_due_calls(due=[(UUID(cluster_id), UUID(call_id))], now=clock.now())


@task(name="subscriptions.follow", queue=MONEY)
def follow(*, cluster_id: str, subscription_id: str) -> None:
    """Let one subscription stand as Stripe's does."""
    commands.follow_ours(cluster_id=UUID(cluster_id), subscription_id=UUID(subscription_id), now=clock.now())


@task(name="subscriptions.take_agreed_price", queue=MONEY)
def take_agreed_price(*, cluster_id: str, subscription_id: str) -> None:
    """Tell Stripe the price that is agreed for the next period of one subscription."""
    _one(commands.take_agreed_price, cluster_id, subscription_id)


@task(name="subscriptions.write_allowance", queue=MONEY)
def write_allowance(*, cluster_id: str, for_cluster_id: str) -> None:
    """Write down to an estate what its plan allows."""
    commands.write_allowance(cluster_id=UUID(cluster_id), for_cluster_id=UUID(for_cluster_id), now=clock.now())


@task(name="subscriptions.meter_estate", queue=UPKEEP)
def meter_estate(*, cluster_id: str, subscription_id: str) -> None:
    """Count what one estate has of its plan."""
    _one(commands.meter_estate, cluster_id, subscription_id)


@task(name="subscriptions.renew", queue=MONEY)
def renew(*, cluster_id: str, subscription_id: str) -> None:
    """Turn the periods of one subscription."""
    _one(commands.renew_subscription, cluster_id, subscription_id)


@task(name="subscriptions.settle_standing", queue=MONEY)
def settle_standing(*, cluster_id: str, subscription_id: str) -> None:
    """Bring one subscription to where its unpaid invoices put it."""
    _one(commands.settle_standing, cluster_id, subscription_id)


@task(name="subscriptions.warn_of_trial_end", queue=MONEY)
def warn_of_trial_end(*, cluster_id: str, subscription_id: str) -> None:
    """Tell one customer that the trial is about to end."""
    _one(commands.warn_of_trial_end, cluster_id, subscription_id)


@task(name="subscriptions.deliver_invoice", queue=MESSAGES, attempts=12)
def deliver_invoice(*, cluster_id: str, invoice_id: str) -> None:
    """Mail one document; tried for about two hours while the mail server is away."""
    actor = system_actor(cluster_id=UUID(cluster_id))
    commands.deliver_invoice(actor=actor, invoice_id=UUID(invoice_id), now=clock.now())


def _for_each(due: str, until: datetime, job: str) -> None:
    """A job for each subscription that is due; one that waits already is not added again."""
    for cluster_id, subscription_id in _due(due, until):
        in_tenant(cluster_id, lambda c=cluster_id, s=subscription_id: _enqueue(job, c, s))  # type: ignore[misc]


def _due(due: str, until: datetime) -> list[tuple[UUID, UUID]]:
    with connections["sweep"].cursor() as cursor:
        cursor.execute(due, [until, AT_ONCE])
        found: list[tuple[UUID, UUID]] = cursor.fetchall()
    return found


def _enqueue(job: str, cluster_id: UUID, subscription_id: UUID) -> None:
    enqueue(job, once_key=f"{job}:{subscription_id}", cluster_id=cluster_id, subscription_id=subscription_id)


def _one(command: Callable[..., Any], cluster_id: str, subscription_id: str) -> None:
    command(actor=system_actor(cluster_id=UUID(cluster_id)), subscription_id=UUID(subscription_id), now=clock.now())
