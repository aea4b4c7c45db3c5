"""What a provider says of a refund that does not fit what is known: nothing moves, and a person is told."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from clustr.clusters.queries import system_actor
from clustr.kit.actor import PermissionMissing
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.providers.nouns import NotFoundYet, Outcome
from clustr.payments.providers.returns import RefundTruth
from clustr.settlement.commands.refunding import apply_refund_truth
from clustr.settlement.queries import Positions, positions_with_providers
from tests.cast import Cast
from tests.money import cluster_balance, naira
from tests.settlement.stage import Stage
from tests.settlement.test_refunds import let_it_end, paid_bill, paid_deposit, refund, send, status_of, told

pytestmark = pytest.mark.usefixtures("books")


def truth_of(stage: Stage, refund_id: UUID, outcome: Outcome, **changes: object) -> RefundTruth:
    """What the provider could say of this refund."""
    (row,) = told(stage)
    said = RefundTruth(
        outcome=outcome,
        provider_id=stage.transaction(refund_id).provider_reference or str(row["id"]),
        charge_id=stage.settlements()[0].provider_id,
        amount=stage.transaction(refund_id).amount,
        note="",
        needs_person=False,
        of_dispute=False,
        record={},
    )
    return replace(said, **changes)  # type: ignore[arg-type]


def hear(stage: Stage, refund_id: UUID, truth: RefundTruth | NotFoundYet) -> str:
    actor = system_actor(cluster_id=stage.cast.cluster_id)
    apply_refund_truth(actor=actor, transaction_id=refund_id, truth=truth, now=stage.now)
    return stage.transaction(refund_id).status


def positions(cast: Cast) -> Positions:
    with tenant(cast.cluster_id):
        return positions_with_providers(actor=cast.ada.actor)


def cases(stage: Stage) -> list[str]:
    return [case.kind for case in stage.cases()]


@pytest.mark.parametrize("amount", [Money(199_999, "NGN"), Money(500_000, "NGN"), Money(200_000, "USD")], ids=str)
def test_of_another_amount_it_is_not_ours(stage: Stage, cast: Cast, amount: Money) -> None:
    bill, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")
    send(stage, made)
    assert hear(stage, made, truth_of(stage, made, Outcome.SUCCEEDED, amount=amount)) == "processing"
    assert cases(stage) == ["does_not_match"]
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id)) == ("paid", "3000.00")
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"


def test_what_is_another_of_ours_is_not_this_one(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    first, second = refund(stage, payment, "1000.00"), refund(stage, payment, "1000.00")
    send(stage, first)
    truth = truth_of(stage, first, Outcome.PENDING)
    hear(stage, first, truth)
    assert hear(stage, second, replace(truth, outcome=Outcome.SUCCEEDED)) == "pending"
    assert cases(stage) == ["does_not_match"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REVERSED])
def test_what_went_and_is_said_to_have_failed(stage: Stage, cast: Cast, outcome: Outcome) -> None:
    """The money stays where it was booked: whether it came back is for a person to find out."""
    bill, payment = paid_bill(stage)
    made = refund(stage, payment)
    send(stage, made)
    let_it_end(stage)
    assert hear(stage, made, truth_of(stage, made, outcome)) == "completed"
    assert cases(stage) == ["does_not_match"]
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id)) == ("acknowledged", "0.00")


def test_what_was_returned_and_is_said_to_have_gone(stage: Stage, cast: Cast) -> None:
    """Not booked twice: the money was returned when it failed."""
    bill, payment = paid_bill(stage)
    made = refund(stage, payment)
    send(stage, made)
    assert hear(stage, made, truth_of(stage, made, Outcome.FAILED)) == "failed"
    assert hear(stage, made, truth_of(stage, made, Outcome.SUCCEEDED)) == "failed"
    assert sorted(cases(stage)) == ["does_not_match", "refund_failed"]
    assert (status_of(stage, bill), cluster_balance(cast.cluster_id)) == ("paid", "5000.00")


def test_what_was_there_and_is_not_found_is_not_sent_again(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")
    send(stage, made)
    hear(stage, made, truth_of(stage, made, Outcome.PENDING))
    assert stage.transaction(made).provider_reference
    for _ in range(30):
        stage.wait(hours=1)
        assert hear(stage, made, NotFoundYet()) == "processing"
    assert len(told(stage)) == 1


def test_a_bank_that_does_not_answer_holds_it_up_and_after_a_day_a_person_hears(stage: Stage, cast: Cast) -> None:
    """Whether somebody complained of the charge is not known: it is not given back beside that."""
    _, payment = paid_bill(stage)
    made = refund(stage, payment, "2000.00")
    stage.dial(any__error_before=1.0)
    assert send(stage, made) == "pending"
    assert told(stage) == []
    stage.wait(hours=25)
    assert send(stage, made) == "pending"
    assert cases(stage) == ["unknown_too_long"]
    stage.heal()
    send(stage, made)
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"
    assert len(told(stage)) == 1


def test_what_a_provider_holds_is_what_it_took_less_what_it_gave_back(stage: Stage, cast: Cast) -> None:
    deposit = paid_deposit(stage, "1000.00")
    paid_bill(stage, "5000.00", "flutterwave")
    held = positions(cast)
    fees = {row.provider: row.fee_minor for row in stage.settlements()}
    assert held.held == {
        "paystack": naira("1000.00") - Money(fees["paystack"], "NGN"),
        "flutterwave": naira("5000.00") - Money(fees["flutterwave"], "NGN"),
    }
    assert held.fees_unpaid == Money(sum(fees.values()), "NGN")
    send(stage, refund(stage, deposit, "400.00"))
    let_it_end(stage)
    after = positions(cast)
    assert held.held["paystack"] - after.held["paystack"] == naira("400.00")


def test_only_who_may_see_the_wallet_sees_what_providers_hold(cast: Cast) -> None:
    with pytest.raises(PermissionMissing):
        positions_with_providers(actor=cast.bola.actor)
