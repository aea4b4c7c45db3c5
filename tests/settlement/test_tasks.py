"""The jobs and the sweeps: each does its command, for the estates of the moment, and harms nothing when it runs twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit import clock
from clustr.kit.tenancy import tenant
from clustr.settlement import tasks
from clustr.settlement.models import Reconciliation
from tests.cast import Cast
from tests.money import cluster_balance, wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_refunds import let_it_end, paid_bill, refund

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early(sweeps=True)]

SWEEPS = (
    tasks.ask_about_due,
    tasks.send_waiting_payouts,
    tasks.charge_waiting_fees,
    tasks.reconcile_payouts,
    tasks.reconcile_balances,
    tasks.reconcile,
    tasks.forget_old_notices,
)


def test_a_refund_is_sent(stage: Stage, cast: Cast) -> None:
    stage.clock.move(by=clock.now() - stage.now)
    _, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")
    for _ in range(2):
        tasks.send_refund(cluster_id=str(cast.cluster_id), transaction_id=str(made))
    let_it_end(stage)
    assert (stage.transaction(made).status, cluster_balance(cast.cluster_id)) == ("completed", "3000.00")


def test_what_was_paid_and_not_told_is_asked_about(stage: Stage, cast: Cast) -> None:
    stage.clock.move(by=clock.now() - stage.now - timedelta(hours=1))
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.wait(hours=1)
    for _ in range(2):
        tasks.ask_about_due(timestamp=0)
    tasks.confirm(cluster_id=str(cast.cluster_id), transaction_id=str(checkout.transaction.id))
    assert wallet_balance(cast.bola) == "1000.00"


def test_fees_are_taken_once(stage: Stage, cast: Cast) -> None:
    paid_bill(stage)
    for _ in range(2):
        tasks.charge_fees(cluster_id=str(cast.cluster_id))
    assert cluster_balance(cast.cluster_id) == "4825.00"


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.name)
def test_a_sweep_twice_moves_nothing_that_is_settled(stage: Stage, cast: Cast, sweep: Callable[..., None]) -> None:
    stage.clock.move(by=clock.now() - stage.now - timedelta(hours=1))
    paid_bill(stage)
    stage.wait(hours=1)
    for _ in range(2):
        sweep(timestamp=0)
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_each_provider_is_compared_at_night(stage: Stage, cast: Cast) -> None:
    since = clock.now()
    tasks.reconcile(timestamp=0)
    with tenant(cast.cluster_id):
        assert set(Reconciliation.objects.filter(at__gte=since).values_list("provider", flat=True)) == set(PROVIDERS)
