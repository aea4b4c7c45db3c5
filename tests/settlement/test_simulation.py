"""Forty simulated lives of payments, each with faults and crashes of its own: nothing lost, nothing doubled."""

from __future__ import annotations

import pytest

from tests.settlement.life import live

pytestmark = pytest.mark.early

LIVES, AT_ONCE = 40, 10


@pytest.mark.parametrize("first", range(1, LIVES + 1, AT_ONCE))
def test_nothing_is_lost_doubled_or_left_unknown(first: int) -> None:
    ended = [live(seed, steps=20) for seed in range(first, first + AT_ONCE)]
    assert {life.seed: life.wrong for life in ended if life.wrong} == {}
