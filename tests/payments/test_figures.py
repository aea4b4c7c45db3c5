"""Every step of every payment is counted and told once, if and only if it is committed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from clustr.bills import commands as bills
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.tenancy import tenant
from clustr.payments.models import StatusChange, Transaction
from clustr.settlement import commands as settlement
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.cast import Cast
from tests.crash.requests import REQUESTS, World
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.settlement.stage import Stage, stage

__all__ = ["stage"]
pytestmark = pytest.mark.usefixtures("books")

Steps = Counter[tuple[str, str]]


@pytest.fixture
def counted() -> Callable[[], Steps]:
    """The counters' increase since the test began, by type and status."""
    before = _counters()
    return lambda: +_difference(_counters(), before)


def _counters() -> Steps:
    from clustr.payments.figures import PAYMENTS

    found: Steps = Counter()
    for sample in next(iter(PAYMENTS.collect())).samples:
        if sample.name == "clustr_payments_total":
            found[(sample.labels["type"], sample.labels["status"])] += int(sample.value)
    return found


def _difference(after: Steps, before: Steps) -> Steps:
    after.subtract(before)
    return after


def stored(*clusters: UUID) -> Steps:
    """What the tables say: what each transaction began as, and every step it took."""
    found: Steps = Counter()
    for cluster_id in clusters:
        with tenant(cluster_id):
            changes: dict[UUID, list[StatusChange]] = {}
            for change in StatusChange.objects.filter(cluster_id=cluster_id).order_by("transaction_id", "n"):
                changes.setdefault(change.transaction_id, []).append(change)
            for transaction in Transaction.objects.filter(cluster_id=cluster_id):
                steps = changes.get(transaction.id, [])
                found[(transaction.type, steps[0].from_status if steps else transaction.status)] += 1
                for step in steps:
                    found[(transaction.type, step.to_status)] += 1
    return found


def told(lines: list[Any]) -> Steps:
    """What the log says."""
    found: Steps = Counter((line["type"], line["status"]) for line in lines if line["event"] == "payment")
    for line in lines:
        for step in line.get("steps", ()):
            found[(step["type"], step["status"])] += step["payments"]
    return found


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with capture_logs() as written:
        yield written


def test_it_works(counted: Callable[[], Steps], lines: list[Any], cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    made, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now
    )
    assert counted() == {("deposit", "completed"): 1, ("bill_payment", "completed"): 1}
    line = [line for line in lines if line["event"] == "payment"][-1]
    assert line == {
        "event": "payment",
        "log_level": "info",
        "transaction_id": str(made.id),
        "cluster_id": str(cast.cluster_id),
        "type": "bill_payment",
        "status": "completed",
        "provider": "wallet",
        "amount_minor": 500000,
        "currency": "NGN",
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_every_command_of_money_is_counted_and_told(name: str, counted: Callable[[], Steps], lines: list[Any]) -> None:
    """Asked over HTTP twice with the same key: the repeat is neither counted nor told."""
    world = World()
    asked, key = REQUESTS[name][0](world), uuid4().hex
    for _ in range(2):
        answer = world.client(asked.person).request(asked.method, asked.path, asked.body, key=key)
        assert answer.status_code in (200, 201, 202), answer.content
    tables = stored(world.cast.cluster_id)
    assert counted() == tables
    assert told(lines) == tables


def test_what_is_undone_is_neither_counted_nor_told(counted: Callable[[], Steps], lines: list[Any], cast: Cast) -> None:
    with pytest.raises(Crash), watching(failing("wallets.credit.before_commit")):
        wallets.credit_cluster_wallet(
            actor=cast.ada.actor, amount=naira("9.00"), description="Hall", source="Bank", now=cast.now
        )
    assert (counted(), told(lines)) == ({}, {})


def test_payments_by_providers(counted: Callable[[], Steps], lines: list[Any], stage: Stage, cast: Cast) -> None:
    """Completed, declined, unheard, arrived in part and twice, sent out, returned: the tables, the counters and the log agree."""
    paid, declined, lost = (stage.deposit(cast.bola, provider=name) for name in ("paystack", "flutterwave", "paystack"))
    stage.end(paid)
    stage.hooks()
    stage.end(declined, "insufficient_funds")
    stage.confirm(declined)
    stage.dial(verify__timeout_after=1.0)
    stage.confirm(lost)
    stage.heal()
    sent = wallets.withdraw(
        actor=cast.bola.actor,
        amount=naira("10.00"),
        destination=Destination("058", "0123456789"),
        authorization=no_pin(cast.bola),
        now=stage.now,
    )
    stage.wait(days=2)
    stage.send(sent.id)
    stage.sweep()
    settlement.ask_about_due(now=stage.now)
    tables = stored(cast.cluster_id)
    assert counted() == tables
    assert told(lines) == tables
    levels = {line["status"]: line["log_level"] for line in lines if line["event"] == "payment"}
    assert levels["completed"] == "info"
    assert levels["failed"] == "error"
    assert levels["unknown"] == "warning"
    assert next(line for line in lines if line.get("status") == "failed")["error"]


def test_failures_are_counted_by_what_clients_read(stage: Stage, cast: Cast) -> None:
    from clustr.payments.figures import FAILURES

    declined = stage.deposit(cast.bola)
    stage.end(declined, "insufficient_funds")
    stage.confirm(declined)
    failure = (stage.transaction(declined.transaction.id).failure or {})["type"]
    assert FAILURES.labels("paystack", failure)._value.get() >= 1  # type: ignore[attr-defined]


TOLD_BY = {
    "clustr/bills/migrations/0001_bills.py": "bills.commands.paying, after bills_pay and bills_pay_once",
    "clustr/bills/migrations/0004_paying_many.py": "recurring.commands.running, after bills_pay_many",
    "clustr/recurring/migrations/0001_recurring.py": "recurring.commands.running, after recurring_contribute",
    "clustr/payments/commands/transactions.py": "itself, after refund_transactions",
    "clustr/bills/demonstration.py": "nobody: opening balances that no act moved",
}
"""Where payments are written beside `create_transaction` and `step_transaction`, and who tells of them."""


def test_whoever_writes_payments_tells_of_them() -> None:
    """A new place calls `tell_payment` or `tell_payments` once its statement has run, and stands in this list."""
    writes = re.compile(r"(INSERT INTO|UPDATE) payments_transaction\b|\bTransaction\.objects\.(bulk_)?create\(")
    found = {
        str(path.relative_to(settings.PROJECT_ROOT))
        for path in (settings.PROJECT_ROOT / "clustr").rglob("*.py")
        if writes.search(path.read_text())
    }
    assert found == set(TOLD_BY)
