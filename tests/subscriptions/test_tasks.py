"""The sweeps: each finds what is due, and asks for one job for each, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections

from clustr.kit import clock
from clustr.subscriptions import tasks
from clustr.subscriptions.models import Subscription
from tests.subscriptions.shop import Shop


def waiting(job: str, subscription: Subscription) -> int:
    """How many jobs of this name wait for a subscription."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s AND args->>'subscription_id' = %s"
            " AND status = 'todo'",
            [job, str(subscription.id)],
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("sweep", "job"),
    [
        (tasks.turn_ended_periods, "subscriptions.renew"),
        (tasks.chase_overdue, "subscriptions.settle_standing"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_it_works(shop: Shop, sweep: Callable[..., None], job: str) -> None:
    """Chosen in June: by now the period has ended, and the invoice is overdue."""
    subscription = shop.subscribe("basic")
    for _ in range(2):
        sweep(timestamp=0)
    assert waiting(job, subscription) == 1


def test_what_is_not_due_is_left_alone(shop: Shop) -> None:
    shop.now = clock.now()
    subscription = shop.subscribe("basic")
    trial = shop.subscribe("pro", actor=shop.customer())
    for sweep in (tasks.turn_ended_periods, tasks.chase_overdue, tasks.warn_of_trials):
        sweep(timestamp=0)
    for job in ("renew", "settle_standing", "warn_of_trial_end"):
        assert waiting(f"subscriptions.{job}", subscription) == waiting(f"subscriptions.{job}", trial) == 0


def test_a_trial_about_to_end(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    tasks.warn_of_trials(timestamp=0)
    assert waiting("subscriptions.warn_of_trial_end", subscription) == 1


def test_the_jobs_do_it_and_may_run_twice(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    ids = {"cluster_id": str(shop.cluster_id), "subscription_id": str(subscription.id)}
    for _ in range(2):
        tasks.renew(**ids)
        tasks.settle_standing(**ids)
        tasks.warn_of_trial_end(**ids)
    after = shop.again(subscription)
    assert after.current_period_start <= clock.now() < after.current_period_end
    assert after.status == "past_due"  # and not stopped: nobody had been reminded
    shop.now = clock.now()
