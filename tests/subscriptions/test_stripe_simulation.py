"""Some simulated lives of plans by card, each with faults and deaths of its own: nothing doubled, lost, or left unknown."""

from __future__ import annotations

import pytest

from tests.subscriptions.stripe_life import live

LIVES, AT_ONCE = 9, 3


@pytest.mark.parametrize("first", range(1, LIVES + 1, AT_ONCE))
def test_it_works(first: int) -> None:
    ended = [live(seed) for seed in range(first, first + AT_ONCE)]
    assert {life.seed: life.wrong for life in ended if life.wrong} == {}
