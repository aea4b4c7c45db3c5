"""What was taken back of a charge of NGN 50.00, from what a provider tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.kit.money import Money
from clustr.payments.providers.nouns import Channel, ChargeTruth, Mode, NotFoundYet, Outcome
from clustr.payments.providers.returns import DisputeState, DisputeTruth, RefundTruth
from clustr.settlement.taken_back import Told, what_was_taken

WON, LOST, OPEN, DROPPED = DisputeState.WON, DisputeState.LOST, DisputeState.OPEN, DisputeState.DROPPED


def dispute(state: DisputeState, minor: int = 5_000, number: str = "d") -> DisputeTruth:
    return DisputeTruth(
        state=state,
        provider_id=number,
        charge_id="7",
        reference="r",
        amount=Money(minor, "NGN"),
        mode=Mode.TEST,
        record={},
    )


def refund(minor: int, outcome: Outcome = Outcome.SUCCEEDED, **told: Any) -> RefundTruth:
    given = {"provider_id": "9", "charge_id": "7", "note": "", "needs_person": False, "of_dispute": False, "record": {}}
    return RefundTruth(outcome=outcome, amount=Money(minor, "NGN"), **given | told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "told", "booked", "taken"),
    [
        ("succeeded", [], {}, {}),
        ("succeeded", [dispute(LOST, 2_000)], {}, {"d": 2_000}),
        ("succeeded", [dispute(OPEN)], {"d": 2_000}, {"d": 2_000}),
        ("succeeded", [dispute(WON)], {"d": 2_000}, {"d": 0}),
        ("succeeded", [dispute(LOST, 2_000), dispute(LOST, 1_000, "e")], {}, {"d": 2_000, "e": 1_000}),
        ("succeeded", [refund(2_000)], {}, {"refund:9": 2_000}),
        ("succeeded", [refund(2_000, Outcome.PENDING)], {}, {}),
        ("succeeded", [refund(2_000, Outcome.FAILED)], {"refund:9": 2_000}, {"refund:9": 0}),
        ("succeeded", [], {"refund:9": 2_000, "d": 500}, {"refund:9": 2_000, "d": 500}),
        ("succeeded", [], {"charge:7": 5_000}, {"charge:7": 0}),
        ("reversed", [], {}, {"charge:7": 5_000}),
        ("reversed", [dispute(OPEN)], {}, {}),
        ("reversed", [dispute(OPEN)], {"charge:7": 5_000}, {"charge:7": 5_000}),
        ("reversed", [dispute(WON)], {}, {"charge:7": 5_000}),
        ("reversed", [dispute(DROPPED)], {}, {"charge:7": 5_000}),
        ("reversed", [dispute(LOST, 2_000)], {}, {"d": 2_000}),
        ("reversed", [refund(5_000)], {}, {"refund:9": 5_000}),
        ("reversed", [refund(5_000, Outcome.PENDING)], {}, {}),
        ("reversed", [refund(2_000, Outcome.UNKNOWN)], {"charge:7": 5_000}, {"charge:7": 5_000}),
        ("reversed", [dispute(LOST, 2_000), refund(2_000)], {}, {"d": 2_000}),
        ("reversed", [dispute(LOST, 2_000), refund(2_000, of_dispute=True)], {}, {"d": 2_000}),
        ("reversed", [dispute(LOST, 2_000), refund(1_000, of_dispute=True)], {}, {"d": 2_000}),
        ("reversed", [dispute(LOST, 2_000), refund(1_000)], {}, {"d": 2_000, "refund:9": 1_000}),
        ("succeeded", [dispute(LOST, 2_000), refund(2_000)], {"refund:9": 2_000}, {"d": 2_000, "refund:9": 0}),
        ("succeeded", [refund(2_000)], {"d": 2_000}, {"d": 2_000}),
        ("succeeded", [refund(2_000), refund(2_000, provider_id="8")], {"d": 2_000}, {"d": 2_000, "refund:8": 2_000}),
        ("succeeded", [dispute(OPEN, 2_000)], {"charge:7": 5_000}, {"charge:7": 5_000}),
        ("succeeded", [dispute(WON, 2_000), dispute(OPEN, 1_000, "e")], {"charge:7": 5_000}, {"charge:7": 0}),
        ("unknown", [], {"charge:7": 5_000}, {"charge:7": 5_000}),
        ("pending", [dispute(LOST, 2_000)], {}, {"d": 2_000}),
    ],
)
def test_what_was_taken(outcome: str, told: list[Any], booked: dict[str, int], taken: dict[str, int]) -> None:
    assert judge(outcome, told, booked) == taken


def test_a_charge_that_is_not_found_proves_nothing() -> None:
    said = Told("7", NotFoundYet(), (), ())
    found = what_was_taken(told=said, given_back=0, most=5_000, booked={"charge:7": 5_000}, settled=True)
    assert found == {"charge:7": 5_000}


def test_what_we_gave_back_explains_it() -> None:
    assert judge("reversed", [], {}, given_back=2_000) == {}


def test_reversed_is_not_believed_right_after_a_decision() -> None:
    assert judge("reversed", [dispute(WON)], {}, settled=False) == {}


def test_counting_again_is_not_believed_at_once_either() -> None:
    assert judge("succeeded", [], {"charge:7": 5_000}, settled=False) == {"charge:7": 5_000}
    assert judge("succeeded", [dispute(WON)], {"charge:7": 5_000}, settled=False) == {"charge:7": 0}


def judge(
    outcome: str, told: list[Any], booked: dict[str, int], *, given_back: int = 0, settled: bool = True
) -> dict[str, int]:
    charge = ChargeTruth(
        outcome=Outcome(outcome),
        reference="r",
        provider_id="7",
        amount=Money(5_000, "NGN"),
        charged=Money(5_000, "NGN"),
        fee=None,
        created_at=None,
        paid_at=None,
        mode=Mode.TEST,
        channel=Channel.CARD,
        decline=None,
        saved_method=None,
        email="",
        receiving_account="",
        record={},
    )
    said = Told(
        charge_id="7",
        charge=charge,
        disputes=tuple(row for row in told if isinstance(row, DisputeTruth)),
        refunds=tuple(row for row in told if isinstance(row, RefundTruth)),
    )
    return what_was_taken(told=said, given_back=given_back, most=5_000 - given_back, booked=booked, settled=settled)
