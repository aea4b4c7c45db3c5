"""Utilities, interrupted at every place: the books hold at once, and what heals by itself ends as without an interruption,
exactly once: one hold, one vend, one token, or the money back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.cast import make_cast
from tests.crash.buying import BETWEEN, FLOWS, UTILITIES_COVER, heal
from tests.crash.settling import Ready
from tests.crash.standing import difference, standing
from tests.crash.test_settlement import killed_at, raised_at
from tests.crash.test_settlement import money as money_of
from tests.crash.ways import in_turns
from tests.proofs import broken_books
from tests.utilities.counter import Counter, put_behind_the_wire

pytestmark = pytest.mark.early

PASSES = {
    "buy": {"utilities.screen.after_commit", "utilities.buy.before_commit", "ledger.post.after"},
    "vend": {"utilities.record_vend.after_commit", "utilities.vend.recorded", "utilities.apply.before_commit"},
    "vend_unheard": {"utilities.unheard.before_commit"},
    "vend_refused": {"utilities.vend.refused", "utilities.refused.before_commit", "ledger.post.after"},
    "vend_unsent": {"utilities.unsent.before_commit"},
    "vend_again": {"utilities.vend.again", "utilities.vend.answered"},
    "confirm_sold": {"utilities.confirm.answered", "ledger.post.after"},
    "confirm_late_token": {"utilities.confirm.answered", "ledger.post.after"},
    "confirm_failed": {"utilities.confirm.answered", "ledger.post.after"},
    "validate": {"utilities.validated.before_commit"},
    "validate_nobody": {"utilities.validation_refused.before_commit"},
    "save_and_remove": {"utilities.save_account.before_commit", "utilities.remove_account.before_commit"},
    "blocked": {"utilities.blocked.before_commit"},
    "resend": {"utilities.resend_token.before_commit"},
    "end_sold": {"utilities.end_purchase.before_commit", "ledger.post.after"},
    "end_released": {"utilities.end_purchase.before_commit", "ledger.post.after"},
    "sync": {"utilities.sync.before_commit"},
}
"""Some places of each flow, which show that it is what its name says."""
KILLED = {"buy", "vend", "vend_unheard", "vend_again", "confirm_sold", "confirm_failed"}
"""Flows that are killed at their places too; the others fail there by exception."""


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Counter]:
    settings.ENV = settings.ENV.model_copy(
        update={"UTILITY_PURCHASES_PER_MINUTE": 100_000, "UTILITY_VALIDATIONS_PER_MINUTE": 100_000}
    )
    made = Counter(make_cast())
    put_behind_the_wire(made, monkeypatch)
    made.stock()
    yield made


def change_of(counter: Counter, before: dict[str, int]) -> dict[str, int]:
    """Of what changed, what is about money, bills and purchases."""
    change = difference(before, standing(counter.cast.cluster_id))
    kept = money_of(change) | {
        name: by for name, by in change.items() if name in ("cancelled", "rows of utilities_purchase")
    }
    return {name: by for name, by in kept.items() if name != "rows of payments_case"}


def undisturbed(counter: Counter, make: Callable[[Counter], Ready]) -> tuple[dict[str, int], list[str]]:
    from clustr.kit.crashpoints import watching

    for _ in range(2):  # the first opens accounts, which later ones find
        ready, passed = make(counter), list[str]()
        before = standing(counter.cast.cluster_id)
        with watching(passed.append):
            ready.act()
        heal(counter, ready)
    return change_of(counter, before), list(dict.fromkeys(passed))


@pytest.mark.parametrize("name", FLOWS)
def test_once_and_whole_after_a_restart(name: str, counter: Counter) -> None:
    make, cluster_id = FLOWS[name], counter.cast.cluster_id
    effect, passed = undisturbed(counter, make)
    assert PASSES[name] <= set(passed)
    ways = [raised_at, killed_at] if name in KILLED else [raised_at]
    for at, interrupt in in_turns(name, passed, ways):
        where = f"{at} by {interrupt.__name__}"
        ready = make(counter)
        before = standing(cluster_id)
        interrupt(at, counter, ready)
        counter.heal()
        assert broken_books(cluster_id) == [], where
        heal(counter, ready)
        assert change_of(counter, before) == effect, where
    assert broken_books(cluster_id) == []
    references = [vend["reference"] for vend in counter.vends()]
    assert len(references) == len(set(references)), "nothing was sold twice"


def test_the_flows_pass_every_place() -> None:
    code = "".join(path.read_text() for path in (settings.PROJECT_ROOT / "clustr" / "utilities").rglob("*.py"))
    named = set(re.findall(r'crash_points?\("([a-z_.]+)"\)', code))
    assert named == UTILITIES_COVER | BETWEEN
