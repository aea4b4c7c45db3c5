"""The bars of promptness, for a few dozen payments; `python -m tests.settlement.simulation --payments 1000` takes more."""

from __future__ import annotations

import pytest

from tests.settlement.promptness import BARS

PAYMENTS = 40


@pytest.mark.parametrize("name", BARS)
def test_the_bar_is_met(name: str) -> None:
    bar = BARS[name]
    lags = bar.measure(payments=PAYMENTS, seed=1)
    assert lags.unsettled == 0
    assert len(lags.seconds) > PAYMENTS * 0.6
    assert bar.met(lags), str(lags)
