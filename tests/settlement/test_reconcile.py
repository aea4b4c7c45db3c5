"""Reconciliation: what a provider lists and what was settled, beside each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.db import connections
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments.models import Case
from clustr.settlement import commands
from clustr.settlement.commands.reconciling import compared_until
from clustr.settlement.models import Reconciliation
from tests.cast import Cast, make_cast
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_chargebacks import complain, decide

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early]


def run(stage: Stage, provider: str, *cluster_ids: UUID) -> Reconciliation:
    made = commands.reconcile(
        since=stage.cast.now - timedelta(days=1),
        until=stage.now + timedelta(seconds=1),
        now=stage.now,
        cluster_ids=cluster_ids or None,
    )
    return next(found for found in made if found.provider == provider)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    stage.confirm(checkout)
    stage.wait(hours=1)
    found = run(stage, provider)
    assert (found.listed, found.settled_now, found.complete) == (1, 0, True)
    assert stage.cases() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_missed_is_booked(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    stage.wait(hours=1)
    assert run(stage, provider).settled_now == 1
    assert wallet_balance(cast.bola) == "1000.00"
    assert run(stage, provider).settled_now == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_estate_is_gone_through_or_only_those_named(stage: Stage, cast: Cast, provider: str) -> None:
    for person in (cast.bola, cast.chidi):
        stage.end(stage.deposit(person, provider=provider))
    stage.wait(hours=1)
    assert (run(stage, provider, cast.palm_grove.id).settled_now, wallet_balance(cast.chidi)) == (1, "0.00")
    assert wallet_balance(cast.bola) == "1000.00"
    assert (run(stage, provider).settled_now, wallet_balance(cast.chidi)) == (1, "1000.00")


def test_estates_in_which_nothing_happened_cost_nothing(stage: Stage, cast: Cast) -> None:
    def statements() -> int:
        with (
            CaptureQueriesContext(connections["default"]) as asked,
            CaptureQueriesContext(connections["sweep"]) as swept,
        ):
            run(stage, "flutterwave", cast.palm_grove.id)
        return len(asked) + len(swept)

    before = statements()
    for _ in range(3):
        make_cast(residents=1)
    assert statements() == before


def test_money_that_is_nobodys_is_the_platforms_case_once(stage: Stage) -> None:
    body = {"email": "x@example.test", "amount": 50_000, "reference": f"elsewhere-{stage.cast.cluster_id}"[:50]}
    stage.ask("paystack", "POST", "/transaction/initialize", body)
    stage.end_reference("paystack", body["reference"])
    stage.wait(hours=1)
    for _ in range(2):
        run(stage, "paystack")
    (charge,) = stage.sandbox.world.store.dump()["charge"]
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Case.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, subject=f"paystack:{charge['id']}")
        assert [case.kind for case in mine] == ["not_with_us"]


def test_what_the_provider_does_not_know_is_a_case(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    stage.wait(hours=1)
    stage._control("POST", "/reset")
    assert run(stage, "paystack").breaks >= 1  # the settlements of other tests are not there either
    assert [case.kind for case in stage.cases()] == ["not_at_provider"]


def test_a_fee_that_differs_is_a_case(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola, "10000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    (charge,) = stage.sandbox.world.store.dump()["charge"]
    stored = stage.sandbox.world.store.get(_charge_kind(), charge["id"])
    assert stored is not None
    stored.fee += 1
    stage.wait(hours=1)
    assert run(stage, "paystack").breaks >= 1
    assert [case.kind for case in stage.cases()] == ["fee_differs"]


def test_a_list_that_cannot_be_read_proves_nothing(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    stage.wait(hours=1)
    stage.dial(list__timeout_after=1.0)
    found = run(stage, "paystack")
    assert (found.complete, found.breaks) == (False, 0)


def paid(stage: Stage, provider: str = "paystack") -> UUID:
    checkout = stage.deposit(stage.cast.bola, provider=provider)
    stage.end(checkout)
    stage.confirm(checkout)
    return checkout.transaction.id


def test_what_is_on_its_way_back_is_not_decided(stage: Stage, cast: Cast) -> None:
    payment = paid(stage)
    asked = stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference})
    run(stage, "paystack")
    stage.confirm(payment)
    assert (wallet_balance(cast.bola), stage.cases()) == ("1000.00", [])
    stage._control("POST", f"/refund/{asked['data']['id']}", {"status": "failed"})
    run(stage, "paystack")
    assert (wallet_balance(cast.bola), stage.cases()) == ("1000.00", [])


def test_a_reversed_charge_that_counts_again_comes_back_once(stage: Stage, cast: Cast) -> None:
    paid(stage)
    (charge,) = stage.sandbox.world.store.all(_charge_kind())
    charge.status = "reversed"
    run(stage, "paystack")
    assert wallet_balance(cast.bola) == "0.00"
    charge.status = "success"
    for _ in range(2):
        run(stage, "paystack")
        assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_chargeback_nobody_told_of_is_found_however_old_the_charge(stage: Stage, cast: Cast, provider: str) -> None:
    payment = paid(stage, provider)
    stage.wait(days=20)
    dispute = complain(stage, payment)
    stage.wait(days=10)

    def night() -> list[Reconciliation]:
        return commands.reconcile(
            since=stage.now - timedelta(days=3), until=stage.now, now=stage.now, cluster_ids=stage.cluster_ids
        )

    assert (all(made.complete for made in night()), wallet_balance(cast.bola)) == (True, "1000.00")
    for resolution, left in (("auto-accepted", "0.00"), ("declined", "1000.00")):
        decide(stage, dispute, resolution)
        for _ in range(2):
            night()
            assert wallet_balance(cast.bola) == left
    assert night()[0].id not in Reconciliation.objects.values_list("id", flat=True), "some estates are not all"


def test_complete_runs_are_joined_only_where_they_meet() -> None:
    name, day, now = f"toy-{new_id()}", timedelta(days=1), clock.now()

    def ran(first: int, last: int, *, complete: bool = True) -> None:
        keep(name, since=now + first * day, until=now + last * day, at=now + last * day, complete=complete)

    assert compared_until(name) is None
    ran(0, 3)
    ran(1, 4)
    ran(2, 5, complete=False)
    ran(6, 7)
    assert compared_until(name) == now + 4 * day
    ran(4, 8)
    assert compared_until(name) == now + 8 * day


def test_a_night_went_on_from_where_the_last_whole_one_ended(stage: Stage, cast: Cast) -> None:
    stage.end(stage.deposit(cast.bola))
    latest = Reconciliation.objects.aggregate(at=Max("at"))["at"] or stage.now  # of earlier tests, some in days to come
    ended = stage.cast.now - timedelta(hours=1)
    for _ in range(100):
        keep("paystack", since=ended - timedelta(days=1), until=ended, at=latest + timedelta(seconds=1))
    stage.wait(days=9)
    span = {"since": stage.now - timedelta(days=3), "until": stage.now, "now": stage.now}
    commands.reconcile(**span, cluster_ids=stage.cluster_ids)
    assert wallet_balance(cast.bola) == "0.00"
    commands.reconcile(**span, cluster_ids=stage.cluster_ids, go_on=True)
    assert wallet_balance(cast.bola) == "1000.00"


def keep(provider: str, **run: Any) -> None:
    counts = {"complete": True, "listed": 0, "settled_now": 0, "breaks": 0}
    Reconciliation.objects.create(id=new_id(), provider=provider, **counts | run)


def test_a_row_that_raises_is_a_case_and_the_rest_is_compared(stage: Stage, cast: Cast) -> None:
    for provider in ("paystack", "paystack", "flutterwave"):
        stage.end(stage.deposit(cast.bola, provider=provider))
    stage.wait(hours=1)
    first = min(row["id"] for row in stage.sandbox.world.store.dump()["charge"])
    answer = stage._answer

    def fail(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/paystack/transaction/{first}":
            raise RuntimeError("an error of ours")
        return answer(request)

    stage._answer = fail  # type: ignore[method-assign]
    made = commands.reconcile(
        since=stage.cast.now - timedelta(days=1), until=stage.now, now=stage.now, cluster_ids=stage.cluster_ids
    )
    assert {found.provider: found.settled_now for found in made} == {"paystack": 1, "flutterwave": 1}
    assert [(case.kind, case.facts["error"]) for case in stage.cases()] == [("never_answered", "RuntimeError")]
    assert wallet_balance(cast.bola) == "2000.00"


def test_runs_are_kept_for_ever(stage: Stage) -> None:
    made = run(stage, "paystack")
    with connections["default"].cursor() as cursor, pytest.raises(Exception, match="permission denied"):
        cursor.execute("UPDATE settlement_reconciliation SET breaks = 0 WHERE id = %s", [made.id])


def _charge_kind():  # type: ignore[no-untyped-def]
    from sandbox.records import Charge

    return Charge
