"""What providers say they paid out, and what we asked for, compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.payments.models import Case
from clustr.payments.providers.nouns import Mode
from clustr.settlement import commands
from tests.cast import Cast, make_cast
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_payouts import AFTER_COOLING, _end_transfer, withdrawn

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early]


@contextmanager
def paying_by(provider: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "ENV", settings.ENV.model_copy(update={"PAYOUT_PROVIDER": provider}))
        yield


def compare(stage: Stage) -> tuple[int, bool]:
    """How many payouts were listed, and whether the lists were whole."""
    ran = commands.reconcile_payouts(
        since=stage.cast.now - timedelta(days=3), until=stage.now + timedelta(hours=1), now=stage.now
    )
    return sum(one.listed for one in ran), all(one.complete for one in ran)


def arrived(stage: Stage, cast: Cast) -> UUID:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.transaction(payout).status == "completed"
    return payout


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    with paying_by(provider):
        arrived(stage, cast)
    assert compare(stage) == (1, True)
    assert stage.cases() == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_nobody_heard_of_is_applied(stage: Stage, cast: Cast, provider: str) -> None:
    with paying_by(provider):
        payout = withdrawn(cast)
        stage.wait(**AFTER_COOLING)
        stage.send(payout)
    stage.wait(minutes=1)
    assert compare(stage) == (1, True)
    assert stage.transaction(payout).status == "completed"


def test_what_came_back_unheard_is_in_the_wallet_again(stage: Stage, cast: Cast) -> None:
    arrived(stage, cast)
    _end_transfer(stage, "reversed")
    assert compare(stage) == (1, True)
    assert wallet_balance(cast.bola) == "1000.00"


def test_what_the_provider_does_not_know_is_a_case_once(stage: Stage, cast: Cast) -> None:
    arrived(stage, cast)
    stage._control("POST", "/reset", {"seed": 7})
    assert compare(stage) == (0, True)
    assert compare(stage) == (0, True)
    assert [case.kind for case in stage.cases()] == ["payout_differs"]


def test_what_we_did_not_ask_for_is_the_platforms_case(stage: Stage, cast: Cast) -> None:
    known = stage.ask(
        "flutterwave",
        "POST",
        "/transfers",
        {
            "account_bank": "044",
            "account_number": "0690000031",
            "amount": 5000,
            "currency": "NGN",
            "narration": "By hand",
            "reference": f"by-hand-{stage.sandbox.world.store.serial():016d}",
        },
    )
    assert compare(stage)[0] == 1
    with tenant(PLATFORM_CLUSTER_ID):
        found = Case.objects.filter(subject__contains=known["data"]["reference"]).get()
    assert found.kind == "not_with_us"


def test_a_test_payout_is_no_real_one(stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    payout = withdrawn(cast)
    stage.wait(**AFTER_COOLING)
    monkeypatch.setattr(stage.registry.named("paystack"), "mode", Mode.LIVE)
    stage.send(payout)
    stage.wait(minutes=1)
    stage.confirm(payout)
    assert stage.transaction(payout).status != "completed"
    assert "does_not_match" in [case.kind for case in stage.cases()]
    compare(stage)
    assert {case.kind for case in stage.cases()} == {"does_not_match", "payout_differs"}


def test_a_list_that_cannot_be_read_proves_nothing(stage: Stage, cast: Cast) -> None:
    arrived(stage, cast)
    stage.dial(list__error_before=1.0, verify__error_before=1.0)
    assert compare(stage) == (0, False)
    assert stage.cases() == []


def test_payouts_of_every_estate_are_found_by_one_statement(stage: Stage, cast: Cast) -> None:
    arrived(stage, cast)

    def statements() -> int:
        with (
            CaptureQueriesContext(connections["default"]) as asked,
            CaptureQueriesContext(connections["sweep"]) as swept,
        ):
            compare(stage)
            commands.send_waiting_payouts(now=stage.cast.now - timedelta(days=900))
        return len(asked) + len(swept)

    before = statements()
    for _ in range(3):
        make_cast(residents=1)
    assert statements() == before
