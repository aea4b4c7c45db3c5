"""What a provider says is compared with what was asked, field by field, before it is anybody's money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustr.clusters.queries import system_actor
from clustr.kit.money import Money
from clustr.payments.providers.nouns import ChargeTruth, Mode
from clustr.settlement.commands.applying import apply_charge_truth
from tests.cast import Cast
from tests.money import wallet_balance
from tests.settlement.stage import Stage
from tests.settlement.test_limbo import truth_of

pytestmark = pytest.mark.usefixtures("books")


@pytest.mark.parametrize(
    ("wrong", "differs"),
    [
        ("reference", {"reference": "another-reference-0001"}),
        ("currency", {"amount": Money(100_000, "GHS"), "charged": Money(100_000, "GHS"), "fee": None}),
        ("mode", {"mode": Mode.LIVE}),
        ("amount", {"amount": Money(0, "NGN"), "charged": Money(0, "NGN")}),
        ("provider_id", {"provider_id": ""}),
    ],
)
def test_a_success_that_does_not_match_is_a_case_and_nobodys_money(
    stage: Stage, cast: Cast, wrong: str, differs: dict[str, object]
) -> None:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    id = checkout.transaction.id
    said: ChargeTruth = replace(truth_of(stage, id), **differs)  # type: ignore[arg-type]
    apply_charge_truth(
        actor=system_actor(cluster_id=cast.cluster_id), transaction_id=id, truth=said, mode=Mode.TEST, now=stage.now
    )
    (case,) = stage.cases()
    assert (case.kind, case.facts["wrong"]) == ("does_not_match", [wrong])
    assert wallet_balance(cast.bola) == "0.00"
    assert stage.settlements() == []
    assert stage.attempt(id).next_check_at is not None
    assert stage.confirm(checkout).status == "completed"
