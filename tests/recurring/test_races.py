"""Standing orders raced: two schedulers at once, a pause beside a run, a payment by hand beside a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from clustr.bills.refusals import AmountExceedsRemaining, BillAlreadyPaid
from clustr.bills.types import BillType
from clustr.clusters.types import Role
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.recurring import commands
from clustr.recurring.refusals import RecurringPaymentNotActive, TooManyRecurringPayments
from clustr.recurring.types import Frequency, Processed
from tests.bills.acts import pay
from tests.cast import Cast, Part
from tests.money import acknowledge, cluster_balance, fund, issue, prove, wallet_balance
from tests.races import race
from tests.recurring.acts import order_of, pause, process, runs, stored

pytestmark = pytest.mark.usefixtures("books")
DAYS = 5


def test_twenty_schedulers_run_each_period_once(cast: Cast) -> None:
    people = [*cast.residents, *cast.add(cast.palm_grove, *(Part(f"P{n}", Role.RESIDENT) for n in range(20)))]
    orders = []
    for person in people:
        fund(cast, person, "100.00")
        orders += [order_of(cast, "7.00", person=person, frequency=Frequency.DAILY) for _ in range(2)]
    ended = race(partial(process, cast, after=timedelta(days=DAYS))).only()
    done = sum(ended.results, Processed()) + process(cast, after=timedelta(days=DAYS))
    assert done == Processed(completed=len(orders) * DAYS)
    assert {wallet_balance(person) for person in people} == {"30.00"}
    assert all([run.period for run in runs(cast, order)] == list(range(DAYS)) for order in orders)


@pytest.mark.parametrize("_round", range(4))
def test_a_pause_comes_before_a_run_or_after_it(cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "100.00")
    order = order_of(cast, "7.00")
    works: list[Callable[[], object]] = [partial(process, cast) for _ in range(5)]
    works += [partial(pause, cast, order, after=timedelta(hours=2)) for _ in range(5)]
    race(works).only(RecurringPaymentNotActive)
    ran = runs(cast, order)
    assert stored(cast, order).state == "paused"
    assert len(ran) <= 1
    assert wallet_balance(cast.bola) == ("93.00" if ran else "100.00")
    assert process(cast, after=timedelta(days=90)) == Processed()


@pytest.mark.parametrize("_round", range(4))
def test_a_bill_is_paid_by_hand_or_by_the_run_and_never_twice(cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "100.00")
    bill = issue(cast, "40.00")
    acknowledge(cast, cast.bola, bill)
    orders = [order_of(cast, "40.00", bill_type=BillType.SERVICE_CHARGE) for _ in range(2)]
    works: list[Callable[[], object]] = [partial(process, cast) for _ in range(6)]
    works += [partial(pay, cast, cast.bola, bill) for _ in range(6)]
    race(works).only(BillAlreadyPaid, AmountExceedsRemaining)
    process(cast)
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("60.00", "40.00")
    assert {run.state for order in orders for run in runs(cast, order)} <= {"completed", "nothing_due"}


@pytest.mark.parametrize("_round", range(4))
def test_a_wallet_is_not_overspent_by_runs_and_hands(cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "100.00")
    bill = issue(cast, "60.00")
    acknowledge(cast, cast.bola, bill)
    orders = [order_of(cast, "60.00") for _ in range(3)]
    works: list[Callable[[], object]] = [partial(process, cast) for _ in range(6)]
    works += [partial(pay, cast, cast.bola, bill) for _ in range(6)]
    race(works).only(BillAlreadyPaid, InsufficientFunds)
    assert wallet_balance(cast.bola) == "40.00"
    assert sum(run.amount_minor > 0 for order in orders for run in runs(cast, order)) <= 1


def test_runs_of_everybody_beside_a_cancelled_bill(cast: Cast) -> None:
    """The office cancels a bill with refunds while a sweep pays it: what was paid is back, and nothing is lost."""
    from clustr.bills import commands as bills

    bill = issue(cast, "40.00")
    for person in cast.residents:
        fund(cast, person, "100.00")
        acknowledge(cast, person, bill)
        order_of(cast, "40.00", person=person, bill_type=BillType.SERVICE_CHARGE)

    def cancel() -> None:
        bills.cancel_bill(
            actor=cast.ada.actor, bill_id=bill.id, reason="No", refund_payers=True, now=cast.now + timedelta(hours=2)
        )

    race([partial(process, cast), cancel, partial(process, cast)]).only()
    assert {wallet_balance(person) for person in cast.residents} == {"100.00"}
    prove(cast)


def test_the_last_place_for_an_order_is_given_once(cast: Cast) -> None:
    for _ in range(49):
        order_of(cast)
    ended = race(partial(order_of, cast), runners=8).only(TooManyRecurringPayments)
    assert len(ended.results) == 1


def test_a_naive_schedule_runs_a_period_twice(cast: Cast) -> None:
    """The same race over code that reads what is due, pays and then writes: it shows its fault."""
    counted = "SELECT count(*) FROM audit_event WHERE action = 'tests.paid'"

    def naive(order: object) -> None:
        with tenant(cast.cluster_id), connection.cursor() as cursor:
            cursor.execute("SELECT next_period FROM recurring_payment WHERE id = %s", [order])
            if cursor.fetchone() == (0,):
                cursor.execute(
                    "SELECT audit_record(NULL, now(), NULL, 'tests.paid', 'order', %s, '', NULL, '', '')", [order]
                )
                cursor.execute(
                    "UPDATE recurring_payment SET next_period = 1, skipped_periods = 1 WHERE id = %s", [order]
                )

    def twice() -> bool:
        order = order_of(cast)
        with tenant(cast.cluster_id), connection.cursor() as cursor:
            cursor.execute(counted)
            (before,) = cursor.fetchone()
        race(partial(naive, order)).only()
        with tenant(cast.cluster_id), connection.cursor() as cursor:
            cursor.execute(counted)
            (after,) = cursor.fetchone()
        return bool(after - before > 1)

    assert any(twice() for _ in range(15))
    assert commands.count_due(now=cast.now) >= 0
