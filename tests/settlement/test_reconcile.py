"""Reconciliation: what a provider lists and what was settled, beside each other."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.payments.models import Case
from clustr.settlement import commands
from clustr.settlement.models import Reconciliation
from tests.cast import Cast, make_cast
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage

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


def test_runs_are_kept_for_ever(stage: Stage) -> None:
    made = run(stage, "paystack")
    with connections["default"].cursor() as cursor, pytest.raises(Exception, match="permission denied"):
        cursor.execute("UPDATE settlement_reconciliation SET breaks = 0 WHERE id = %s", [made.id])


def _charge_kind():  # type: ignore[no-untyped-def]
    from sandbox.records import Charge

    return Charge
