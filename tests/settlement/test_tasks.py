"""The jobs and the sweeps: each does its command, for the estates of the moment, and harms nothing when it runs twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit import clock
from clustr.settlement import tasks
from tests.cast import Cast
from tests.money import cluster_balance
from tests.settlement.stage import Stage
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


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.name)
def test_it_works(stage: Stage, cast: Cast, sweep: Callable[..., None]) -> None:
    stage.clock.move(by=clock.now() - stage.now - timedelta(hours=1))
    paid_bill(stage)
    stage.wait(hours=1)
    for _ in range(2):
        sweep(timestamp=0)
    assert cluster_balance(cast.cluster_id) in ("5000.00", "4825.00")
