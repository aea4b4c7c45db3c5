"""Running what is due: contributions and bills from the wallet, once a period, in order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills.types import BillType
from clustr.recurring.types import Frequency, Processed
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance
from tests.recurring.acts import order_of, process, runs, stored
from tests.web.asking import dispute

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order = order_of(cast, "1000.00")
    assert process(cast) == Processed(completed=1)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("4000.00", "1000.00")
    (run,) = runs(cast, order)
    assert (run.period, run.state, run.amount_minor, run.attempts) == (0, "completed", 100_000, 1)
    assert stored(cast, order).next_period == 1


def test_nothing_is_due_before_its_time(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast)
    assert process(cast, after=timedelta(minutes=59)) == Processed()
    assert process(cast, after=timedelta(hours=1)) == Processed(completed=1)


def test_a_period_runs_once(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast)
    process(cast)
    assert process(cast) == Processed()
    assert wallet_balance(cast.bola) == "4000.00"


def test_three_days_of_silence_are_three_runs(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order = order_of(cast, frequency=Frequency.DAILY)
    assert process(cast, after=timedelta(days=3)) == Processed(completed=3)
    assert [run.period for run in runs(cast, order)] == [0, 1, 2]
    assert wallet_balance(cast.bola) == "2000.00"


def test_it_pays_acknowledged_bills_of_its_type_the_oldest_first(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    late = issue(cast, "3000.00", due_date=cast.now + timedelta(days=20))
    early = issue(cast, "2000.00", due_date=cast.now + timedelta(days=5))
    other = issue(cast, "700.00", type=BillType.SECURITY)
    unseen = issue(cast, "900.00")
    for bill in (late, early, other):
        acknowledge(cast, cast.bola, bill)
    del unseen
    order = order_of(cast, "4000.00", bill_type=BillType.SERVICE_CHARGE)
    assert process(cast) == Processed(completed=1)
    assert wallet_balance(cast.bola) == "5000.00"
    (run,) = runs(cast, order)
    assert run.amount_minor == 400_000


def test_too_little_is_tried_again_and_then_pauses(cast: Cast) -> None:
    fund(cast, cast.bola, "500.00")
    order = order_of(cast)
    assert process(cast) == Processed(retrying=1)
    assert process(cast, after=timedelta(hours=7)) == Processed()
    assert process(cast, after=timedelta(hours=8)) == Processed(retrying=1)
    assert process(cast, after=timedelta(hours=20)) == Processed(failed=1)
    (run,) = runs(cast, order)
    assert (run.state, run.attempts, run.failure, run.short_minor) == ("failed", 3, "insufficient_funds", 50_000)
    paused = stored(cast, order)
    assert (paused.state, paused.stopped_by, paused.next_run_at) == ("paused", "failures", None)
    assert wallet_balance(cast.bola) == "500.00"


def test_orders_of_one_wallet_run_one_after_another(cast: Cast) -> None:
    """Each is judged by what those before it left: the first and the third are covered, the second is not."""
    fund(cast, cast.bola, "100.00")
    first, second, third = (order_of(cast, amount) for amount in ("60.00", "60.00", "30.00"))
    assert process(cast) == Processed(completed=2, retrying=1)
    assert [runs(cast, order)[0].state for order in (first, second, third)] == ["completed", "retrying", "completed"]
    assert wallet_balance(cast.bola) == "10.00"


def test_a_disputed_bill_is_left_and_the_others_are_paid(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    disputed, other = issue(cast, "1000.00"), issue(cast, "2000.00")
    for bill in (disputed, other):
        acknowledge(cast, cast.bola, bill)
    dispute(cast, cast.bola, disputed)
    order_of(cast, "9000.00", bill_type=BillType.SERVICE_CHARGE)
    assert process(cast) == Processed(completed=1)
    assert wallet_balance(cast.bola) == "7000.00"
