"""What is expected next: robust against outliers, closer than guessing the last value again, silent with too little history."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from clustr.recurring.estimation import FEWEST, Bought, Estimate, TooLittle, estimate_next

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def bought(*amounts: int, every: float = 30) -> list[Bought]:
    return [Bought(START + timedelta(days=every * n), amount) for n, amount in enumerate(amounts)]


def test_it_works() -> None:
    found = estimate_next(history=bought(200_000, 210_000, 190_000, 205_000, 195_000))
    assert isinstance(found, Estimate)
    assert (found.amount_minor, found.spread_minor, found.based_on) == (200_000, 5_000, 5)
    assert found.at == START + timedelta(days=150)


@pytest.mark.parametrize("count", range(FEWEST))
def test_too_little_is_said(count: int) -> None:
    assert estimate_next(history=bought(*[100] * count)) == TooLittle(count)


def test_an_outlier_moves_neither_amount_nor_date() -> None:
    usual = bought(*[200_000] * 8)
    found = estimate_next(history=[*usual, Bought(usual[-1].at + timedelta(days=1), 9_000_000)])
    assert isinstance(found, Estimate)
    assert found.amount_minor == 200_000
    assert found.at == usual[-1].at + timedelta(days=31)


def test_the_order_in_which_it_is_told_does_not_matter() -> None:
    history = bought(1, 5, 2, 4, 3, 9, 8)
    shuffled = history[:]
    random.Random(1).shuffle(shuffled)
    assert estimate_next(history=shuffled) == estimate_next(history=history)


def test_a_change_of_habits_is_followed() -> None:
    found = estimate_next(history=bought(*[100] * 20, *[900] * 5))
    assert isinstance(found, Estimate)
    assert found.amount_minor == 900


def series(seed: int) -> list[Bought]:
    """Two years of somebody's electricity: a level with a season, noise, forgotten months, and now and then a large top-up."""
    chance, at, made = random.Random(seed), START, list[Bought]()
    level, drift = chance.uniform(150_000, 900_000), chance.uniform(-0.004, 0.006)
    spacing = chance.choice((7, 14, 30))
    for n in range(40):
        amount = level * (1 + drift) ** n * chance.lognormvariate(0, 0.18)
        if chance.random() < 0.08:
            amount *= chance.choice((0.3, 3.0))
        made.append(Bought(at, round(amount)))
        at += timedelta(days=spacing * (2 if chance.random() < 0.05 else 1) + chance.gauss(0, spacing / 12))
    return made


def errors(seed: int) -> tuple[float, float, float, float]:
    """Of amount (relative) and of date (days): the estimate's error, and that of guessing the last value again."""
    made, ours, naive, dates, naive_dates = series(seed), 0.0, 0.0, 0.0, 0.0
    for n in range(FEWEST, len(made)):
        found, true = estimate_next(history=made[:n]), made[n]
        assert isinstance(found, Estimate)
        ours += abs(found.amount_minor - true.amount_minor) / true.amount_minor
        naive += abs(made[n - 1].amount_minor - true.amount_minor) / true.amount_minor
        dates += abs(found.at - true.at) / timedelta(days=1)
        naive_dates += abs(2 * made[n - 1].at.timestamp() - made[n - 2].at.timestamp() - true.at.timestamp()) / 86_400
    count = len(made) - FEWEST
    return ours / count, naive / count, dates / count, naive_dates / count


def test_it_is_nearer_than_the_last_value() -> None:
    ours, naive, dates, naive_dates = (sum(each) / 300 for each in zip(*map(errors, range(300)), strict=True))
    assert ours < 0.80 * naive, f"{ours:.3f} of the amount, beside {naive:.3f}"
    assert dates < 0.80 * naive_dates, f"{dates:.2f} days, beside {naive_dates:.2f}"
