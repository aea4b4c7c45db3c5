"""How runs of standing orders went, counted and told in one line of the log for each batch, once it is committed."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from clustr.kit.metrics import Counter, begin_at_zero
from clustr.kit.money import Money
from clustr.payments.figures import Steps, tell_payments
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.recurring.types import Processed, RunState

log = structlog.get_logger("clustr.recurring")

RUNS = Counter(
    "clustr_recurring_runs",
    "Attempts at a period of a recurring payment, by what came of them; `failed` has paused it.",
    ["state"],
)
begin_at_zero(RUNS, ((state.value,) for state in RunState))


def tell_runs(
    *, cluster_id: UUID, done: Processed, contributions: int, bill_payments: int, moved: dict[str, int]
) -> None:
    """Count what a batch did, and the payments it made, once it is committed; nothing if it is undone. `moved`: minor
    units by currency. Paused after failing is an ERROR, to be tried again a WARNING, all else INFO."""

    def tell() -> None:
        for state in RunState:
            RUNS.labels(state.value).inc(getattr(done, state.value, 0))
        facts = {
            "cluster_id": str(cluster_id),
            "completed": done.completed,
            "nothing_due": done.nothing_due,
            "retrying": done.retrying,
            "failed": done.failed,
            "charging": done.charging,
            "waiting": done.waiting,
            "members_gone": done.stopped,
        }
        if done.failed:
            log.error("recurring_payments_run", **facts)
        elif done.retrying:
            log.warning("recurring_payments_run", **facts)
        else:
            log.info("recurring_payments_run", **facts)

    transaction.on_commit(tell, robust=True)
    steps = [
        Steps(type, TransactionStatus.COMPLETED, "wallet", count)
        for type, count in (
            (TransactionType.RECURRING_PAYMENT, contributions),
            (TransactionType.BILL_PAYMENT, bill_payments),
        )
        if count
    ]
    for number, (currency, minor) in enumerate(sorted(moved.items())):
        tell_payments(
            cluster_id=cluster_id,
            what="recurring_payments_made",
            steps=steps if not number else [],
            amount=Money(minor, currency),
        )
