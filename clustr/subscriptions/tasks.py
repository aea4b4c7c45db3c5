"""Jobs of this room: periods that end, invoices that are overdue, trials about to end, and the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from clustr.clusters.queries import system_actor
from clustr.kit import clock
from clustr.kit.jobs import MESSAGES, MONEY, enqueue, periodic, task
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions import commands
from clustr.subscriptions.schedule import TRIAL_WARNING

AT_ONCE = 20_000
"""How many are looked up at once; the rest has its turn when these have been seen to."""

_ENDED = """
SELECT cluster_id, id FROM subscriptions_subscription
WHERE ended_at IS NULL AND status IN ('trialing', 'active', 'past_due') AND current_period_end <= %s
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
    with connections["sweep"].cursor() as cursor:
        cursor.execute(due, [until, AT_ONCE])
        found = cursor.fetchall()
    for cluster_id, subscription_id in found:
        in_tenant(cluster_id, lambda c=cluster_id, s=subscription_id: _enqueue(job, c, s))  # type: ignore[misc]


def _enqueue(job: str, cluster_id: UUID, subscription_id: UUID) -> None:
    enqueue(job, once_key=f"{job}:{subscription_id}", cluster_id=cluster_id, subscription_id=subscription_id)


def _one(command: Callable[..., Any], cluster_id: str, subscription_id: str) -> None:
    command(actor=system_actor(cluster_id=UUID(cluster_id)), subscription_id=UUID(subscription_id), now=clock.now())
