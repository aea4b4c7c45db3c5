"""Webhooks that no provider would send; `bin/fuzz webhooks 100000` is the long form."""

from __future__ import annotations

from tests.fuzz.webhooks import ask

CASES = 1_500


def test_none_is_an_error_of_ours_and_none_moves_money() -> None:
    seen = ask(cases=CASES, seed=20270131)
    assert seen.cases == CASES
    assert seen.kept > CASES / 5
    assert set(seen.statuses) >= {200, 401, 413}
    assert set(seen.acted_on) >= {"ignored", "done"}
