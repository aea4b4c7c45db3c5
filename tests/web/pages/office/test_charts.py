"""Plots say what the numbers say: scales, bars, lines and shares."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest

from clustr.bills.dashboard import AgeBand, CurveDay
from clustr.kit.money import Money
from clustr.web.pages.office import charts, words


def naira(whole: int) -> Money:
    return Money(whole * 100, "NGN")


def test_it_works() -> None:
    """A month's bar is as high as its part of the scale; a month below zero has none, and one with little still shows."""
    sums = {date(2026, month, 1): naira(whole) for month, whole in ((1, 1_000), (2, 500), (3, 1), (4, -20), (5, 0))}
    shown = charts.months_of(sums)
    assert [bar.height for bar in shown.bars] == [100, 50, 1, 0, 0]
    assert [bar.top + bar.height for bar in shown.bars] == [100] * 5
    assert [said for _, said in shown.scale.lines] == ["1k", "750", "500", "250", "0"]
    assert all(left.at + left.width <= right.at for left, right in zip(shown.bars, shown.bars[1:], strict=False))


@pytest.mark.parametrize("highest", [1, 4, 5, 99, 101, 999, 12_345, 26_250_000, 10**13])
def test_a_scale_holds_the_highest_and_wastes_little(highest: int) -> None:
    scale = charts.scale_for(highest * 100, "NGN")
    assert scale.top_minor >= highest * 100
    assert scale.top_minor <= max(400, highest * 160 + 400)
    assert [at for at, _ in scale.lines] == [0, 25, 50, 75, 100]


def test_of_nothing_there_is_only_the_floor() -> None:
    assert charts.scale_for(0, "NGN").lines == ((100, "0"),)
    assert charts.rate_of(0, 0).part is None
    rows = charts.counts_of([("a", 3, ""), ("b", 1, ""), ("c", 0, "")])
    assert [(row.part, row.width) for row in rows] == [(750, 1000), (250, 333), (0, 0)]


def test_the_lines_of_the_curve() -> None:
    start = date(2026, 1, 1)
    days = [CurveDay(start + timedelta(days=n), naira(100 * n), naira(-50 + 50 * n)) for n in range(5)]
    curve = charts.curve_of(days)
    assert curve.billed == "0,100 250,75 500,50 750,25 1000,0"
    assert curve.collected == "0,100 250,100 500,88 750,75 1000,63"
    assert curve.area.startswith("0,100 0,100 ")
    assert curve.area.endswith(" 1000,100")
    assert charts.weekly(days) == [days[-1]]


def test_parts_are_honest_at_their_ends() -> None:
    assert charts.part_of(0, 5_000) == 0
    assert charts.part_of(1, 5_000) == 1
    assert charts.part_of(4_999, 5_000) == 999
    assert charts.part_of(5_000, 5_000) == 1_000
    assert charts.part_of(0, 0) == 0


def test_arrears_and_shares() -> None:
    bands = [AgeBand(30, 1, naira(50)), AgeBand(None, 2, naira(100))]
    assert [(row.name, row.width, row.tone) for row in charts.ages_of(bands, ("new", "old"))] == [
        ("new", 500, "age-1"),
        ("old", 1_000, "age-2"),
    ]
    assert [row.name for row in charts.shares_of([("a", naira(1)), ("b", naira(2))])] == ["b", "a"]


def test_the_trail_is_said_in_words() -> None:
    kept = {
        "amount_minor": 150050,
        "currency": "NGN",
        "user": "01998a4e-6f00-7c00-8000-000000000001",
        "due_date": "2027-01-31T22:59:59+00:00",
        "scope": "cluster",
        "role": ["resident", "staff"],
        "unit": ["A1", "A1"],
        "permissions": [["ViewPayments"], ["ViewPayments", "ManageBill"]],
        "bill_number": "BILL-1",
        "nothing": None,
    }
    assert words.facts(kept, {UUID(kept["user"]): "Bola"}, currency="") == [
        "₦1,500.50",
        "Bola",
        "Due: 31 Jan 2027, 22:59",
        "For: everybody",
        "Role: Resident → Staff",
        "Permissions: See payments → See payments, Manage bills",
        "BILL-1",
    ]


def test_settings_that_changed_are_said_in_words() -> None:
    """As the estate's settings are kept: lists, what was not there, and amounts without a currency."""
    kept = {
        "reminder_days": [[7, 1], [3]],
        "transfer_approval_limit_minor": [100_000_000, None],
        "fee_bearer": ["cluster", "payer"],
        "left_at": [None, "2027-02-01T00:00:00+00:00"],
        "unit": ["01998a4e-6f00-7c00-8000-000000000001", "01998a4e-6f00-7c00-8000-000000000002"],
        "previous_amount": "5000.00",
        "amount": "6000.00",
    }
    assert words.facts(kept, {}, currency="NGN") == [
        "Reminders, days before: 7, 1 → 3",
        "A second person from: ₦1,000,000.00 → –",
        "Who bears fees: The estate → Whoever pays, on top of the bill",
        "Left: – → 1 Feb 2027, 00:00",
        "Amount before: ₦5,000.00",
        "₦6,000.00",
    ]
