"""What is under way, waits for a person, or lies in the inbox, as Prometheus is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import Max

from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Case, Notice
from clustr.payments.states import CaseKind
from clustr.settlement import commands as settlement
from clustr.settlement.models import Reconciliation
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.cast import Cast
from tests.kit.test_measures import Found, read
from tests.money import fund, naira, no_pin
from tests.settlement.stage import Stage, stage

__all__ = ["stage"]


def more(after: Found, before: Found, name: str, *labels: str) -> float:
    return after[name].get(labels, 0) - before[name].get(labels, 0)


def test_payments_under_way(stage: Stage, cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    before = read()
    waiting = wallets.withdraw(
        actor=cast.bola.actor,
        amount=naira("10.00"),
        destination=Destination("058", "0123456789"),
        authorization=no_pin(cast.bola),
        now=stage.now - timedelta(days=400),
    )
    open_still = stage.deposit(cast.bola)
    lost = stage.deposit(cast.bola)
    stage.dial(verify__timeout_after=1.0)
    stage.confirm(lost)
    found = read()
    assert more(found, before, "clustr_payments_under_way", "pending", "withdrawal", "none") == 1
    assert more(found, before, "clustr_payments_under_way", "processing", "deposit", "paystack") == 1
    assert more(found, before, "clustr_payments_under_way", "unknown", "deposit", "paystack") == 1
    for status in ("pending", "processing", "unknown"):
        assert more(found, before, "clustr_payments_under_way", status, "any", "any") == 1
    age = found["clustr_payments_oldest_under_way_seconds"][("pending", "withdrawal", "none")]
    assert age >= timedelta(days=400).total_seconds()
    assert found["clustr_payments_oldest_under_way_seconds"][("pending", "any", "any")] == pytest.approx(age, abs=5)
    stage.heal()
    for checkout in (open_still, lost):
        stage.end(checkout)
        stage.confirm(checkout)
    after = read()
    for status in ("processing", "unknown"):
        assert more(after, before, "clustr_payments_under_way", status, "any", "any") == 0
    assert waiting.status == "pending"


def test_cases(cast: Cast) -> None:
    before = read()
    with tenant(cast.cluster_id):
        assert payments.open_case(
            kind=CaseKind.CHARGEBACK, subject="one", now=cast.now - timedelta(days=500), facts={"provider": "paystack"}
        )
        case = Case.objects.get(cluster_id=cast.cluster_id, subject="one")
    found = read()
    assert more(found, before, "clustr_cases_open", "chargeback") == 1
    assert more(found, before, "clustr_cases_unowned", "chargeback") == 1
    assert found["clustr_cases_oldest_seconds"][("chargeback",)] >= timedelta(days=500).total_seconds()
    payments.take_case(actor=cast.ada.actor, case_id=case.id, now=cast.now)
    taken = read()
    assert more(taken, before, "clustr_cases_open", "chargeback") == 1
    assert more(taken, before, "clustr_cases_unowned", "chargeback") == 0
    payments.close_case(actor=cast.ada.actor, case_id=case.id, note="The bank was right.", now=cast.now)
    assert more(read(), before, "clustr_cases_open", "chargeback") == 0


def test_the_inbox(stage: Stage, cast: Cast) -> None:
    before = read()
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    (delivery,) = stage.sandbox.due_webhooks()
    notice_id = settlement.accept_notice(
        provider=delivery.provider, raw_body=delivery.body, headers=delivery.headers, source="127.0.0.1", now=stage.now
    )
    Notice.objects.filter(id=notice_id).update(received_at=stage.now - timedelta(days=9))
    found = read()
    assert more(found, before, "clustr_notices_waiting", "paystack") == 1
    assert found["clustr_notices_oldest_seconds"][("paystack",)] >= timedelta(days=9).total_seconds()
    settlement.handle_notice(notice_id=notice_id, now=stage.now)
    assert more(read(), before, "clustr_notices_waiting", "paystack") == 0


def test_the_last_comparison_with_a_provider(stage: Stage, cast: Cast) -> None:
    latest = Reconciliation.objects.aggregate(at=Max("at"))["at"]  # of earlier tests, some in days to come
    now = max(stage.now, latest or stage.now) + timedelta(seconds=1)
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    settlement.reconcile(since=stage.now - timedelta(days=3), until=stage.now + timedelta(hours=1), now=now)
    found = read()
    for provider in ("paystack", "flutterwave"):
        assert found["clustr_reconciliation_complete"][(provider, "charges")] == 1
        assert 0 <= found["clustr_reconciliation_age_seconds"][(provider, "charges")] < 600
    assert found["clustr_reconciliation_settled_late"][("paystack", "charges")] == 1
    assert found["clustr_reconciliation_listed"][("paystack", "charges")] >= 1
    stage.dial(list__error_before=1.0)
    settlement.reconcile(since=stage.now - timedelta(days=3), until=stage.now, now=now + timedelta(seconds=1))
    assert read()["clustr_reconciliation_complete"][("paystack", "charges")] == 0


def test_what_is_under_way_is_found_without_reading_what_has_ended() -> None:
    """By the index that holds nothing else, also for the role that sees every estate."""
    with connections["checker"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN (FORMAT JSON) SELECT status, type, provider, count(*), min(created_at) FROM payments_transaction"
            " WHERE status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2, 3"
        )
        (plan,) = cursor.fetchone()
        cursor.execute("ROLLBACK")
    assert "payments_transaction_open" in str(_indexes(plan))


def _indexes(plan: Any) -> list[str]:
    if isinstance(plan, dict):
        own = [plan["Index Name"]] if "Index Name" in plan else []
        return own + [name for value in plan.values() for name in _indexes(value)]
    return [name for value in plan for name in _indexes(value)] if isinstance(plan, list) else []
