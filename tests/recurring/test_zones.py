"""An estate that moves to another time zone, clocks that are stepped, and sweeps that did not run: one run a period."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.clusters.models import Cluster
from clustr.kit.tenancy import tenant
from clustr.recurring import commands
from clustr.recurring.commands import running
from clustr.recurring.types import Frequency, Processed
from tests.cast import Cast
from tests.money import fund
from tests.recurring.acts import order_of, process, runs, stored

pytestmark = pytest.mark.usefixtures("books")


def move_to(cast: Cast, timezone: str) -> None:
    with tenant(cast.cluster_id):
        Cluster.objects.filter(id=cast.cluster_id).update(timezone=timezone)


def test_an_order_follows_its_estate(cast: Cast) -> None:
    """Noon in Lagos (UTC+1) becomes noon in Nairobi (UTC+3): two hours earlier."""
    order = order_of(cast, start_date=cast.now + timedelta(days=2))
    before = stored(cast, order).next_run_at
    move_to(cast, "Africa/Nairobi")
    assert cast.cluster_id in commands.due_clusters(now=cast.now)
    process(cast)
    after = stored(cast, order)
    assert before is not None
    assert (after.next_run_at, after.timezone) == (before - timedelta(hours=2), "Africa/Nairobi")


def test_a_job_goes_on_until_all_orders_have_followed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: in batches, and not one batch of them an hour."""
    monkeypatch.setattr(running, "BATCH", 2)
    orders = [order_of(cast, start_date=cast.now + timedelta(days=2)) for _ in range(5)]
    move_to(cast, "Africa/Nairobi")
    done = process(cast, batches=1)
    assert done.total, "the job asks for the next"
    assert process(cast).total
    assert {stored(cast, order).timezone for order in orders} == {"Africa/Nairobi"}
    assert process(cast) == Processed()


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/London"])
def test_a_period_that_ran_does_not_run_again_elsewhere(cast: Cast, timezone: str) -> None:
    fund(cast, cast.bola, "9000.00")
    order = order_of(cast, frequency=Frequency.DAILY)
    for hours in range(2, 60, 5):
        process(cast, after=timedelta(hours=hours))
        move_to(cast, timezone if hours % 2 else "Africa/Lagos")
    periods = [run.period for run in runs(cast, order)]
    assert periods == list(range(len(periods)))
    assert 2 <= len(periods) <= 4


def test_a_clock_that_is_stepped_back_runs_nothing_twice(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    order = order_of(cast, frequency=Frequency.DAILY)
    assert process(cast, after=timedelta(days=3)) == Processed(completed=3)
    for hours in (2, 30, 60, 72):
        assert process(cast, after=timedelta(hours=hours)) == Processed()
    assert process(cast, after=timedelta(days=4)) == Processed(completed=1)
    assert [run.period for run in runs(cast, order)] == [0, 1, 2, 3]


def test_every_cluster_is_swept(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    fund(cast, cast.chidi, "5000.00")
    order_of(cast, start_date=cast.now)
    order_of(cast, start_date=cast.now, person=cast.chidi)
    assert commands.process_recurring_payments(now=cast.now).completed >= 2
    assert commands.due_clusters(now=cast.now).count(cast.cluster_id) == 0


def test_one_order_by_itself(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order, other = order_of(cast, start_date=cast.now), order_of(cast, start_date=cast.now)
    assert stored(cast, order).process_payment(now=cast.now) == Processed(completed=1)
    assert stored(cast, order).process_payment(now=cast.now) == Processed()
    assert runs(cast, other) == []
    assert not stored(cast, order).is_utility_payment()
