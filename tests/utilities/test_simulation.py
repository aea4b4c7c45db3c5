"""Six simulated lives of utilities, each with faults and crashes of its own; and what is delivered under steady trouble."""

from __future__ import annotations

from typing import Any

import pytest

from tests.utilities.life import live, rates

pytestmark = pytest.mark.early

LIVES, AT_ONCE = 6, 3


@pytest.fixture(autouse=True)
def unhurried(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(
        update={"UTILITY_PURCHASES_PER_MINUTE": 1_000_000, "UTILITY_VALIDATIONS_PER_MINUTE": 1_000_000}
    )


@pytest.mark.parametrize("first", range(1, LIVES + 1, AT_ONCE))
def test_nothing_is_lost_doubled_or_left_unknown(first: int) -> None:
    ended = [live(seed, steps=20) for seed in range(first, first + AT_ONCE)]
    assert {life.seed: life.wrong for life in ended if life.wrong} == {}


def test_nearly_all_is_delivered_though_every_tenth_call_fails() -> None:
    counted = rates(purchases=60, seed=3)
    assert counted.troubled > 3
    assert counted.delivered == counted.bought == 60
    assert counted.recovered == counted.troubled
