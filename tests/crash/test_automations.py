"""Automations, interrupted at every place: the books hold at once, and what heals by itself ends as without an interruption:
one purchase, one charge, one token a period."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from clustr.kit.crashpoints import watching
from tests.cast import make_cast
from tests.crash.automating import AUTOMATIONS_COVER, FLOWS
from tests.crash.settling import Ready
from tests.crash.standing import difference, standing
from tests.crash.test_settlement import killed_at, raised_at
from tests.crash.test_settlement import money as money_of
from tests.crash.ways import in_turns
from tests.proofs import broken_books
from tests.recurring.automating import Automations
from tests.utilities.counter import Counter, put_behind_the_wire

pytestmark = pytest.mark.early

PASSES = {
    "run": {
        *("recurring.plan_automations.before_commit", "recurring.ask_automation.after_commit"),
        *("recurring.automation.recorded", "recurring.automation.validated", "recurring.buy_automation.before_commit"),
        "recurring.follow_automation.before_commit",
    },
    "run_by_card": {
        "recurring.buy_automation.after_commit",
        "settlement.charge.answered",
        "recurring.follow_automation.before",
    },
    "run_over_a_limit": {"recurring.plan_automations.before_commit"},
    "run_refused": {"recurring.follow_automation.before_commit"},
    "order": {"recurring.set_up_automation.before_commit", "recurring.edit_automation.before_commit"},
    "limit": {"recurring.set_spending_limit.before_commit"},
    "remind": {"recurring.remind_of_automations.before_commit"},
    "departure": {"recurring.stop_automations.before_commit"},
}
"""Some places of each flow, which show that it is what its name says."""
KILLED = {"run", "run_by_card"}
COUNTED = ("rows of utilities_purchase", "rows of recurring_automationrun", "rows of recurring_automationstep")


@pytest.fixture
def automations(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Automations]:
    settings.ENV = settings.ENV.model_copy(
        update={"UTILITY_PURCHASES_PER_MINUTE": 100_000, "UTILITY_VALIDATIONS_PER_MINUTE": 100_000}
    )
    counter = Counter(make_cast())
    put_behind_the_wire(counter, monkeypatch)
    counter.stock()
    yield Automations(counter)


def change_of(automations: Automations, before: dict[str, int]) -> dict[str, int]:
    change = difference(before, standing(automations.cast.cluster_id))
    kept = money_of(change) | {name: by for name, by in change.items() if name in COUNTED}
    return {name: by for name, by in kept.items() if name != "rows of payments_case"}


def heal(ready: Ready) -> None:
    ready.again()
    ready.after()


def undisturbed(automations: Automations, make: Callable[[Automations], Ready]) -> tuple[dict[str, int], list[str]]:
    for _ in range(2):  # the first opens accounts, which later ones find
        ready, passed = make(automations), list[str]()
        before = standing(automations.cast.cluster_id)
        with watching(passed.append):
            ready.act()
        heal(ready)
    return change_of(automations, before), list(dict.fromkeys(passed))


@pytest.mark.parametrize("name", FLOWS)
def test_once_and_whole_after_a_restart(name: str, automations: Automations) -> None:
    make, cluster_id = FLOWS[name], automations.cast.cluster_id
    effect, passed = undisturbed(automations, make)
    assert PASSES[name] <= set(passed)
    ours = [at for at in passed if at.startswith("recurring.")]
    theirs = [at for at in passed if at == "settlement.charge.answered"]
    ways = [raised_at, killed_at] if name in KILLED else [raised_at]
    for at, interrupt in (*in_turns(name, ours, ways), *in_turns(name, theirs, [raised_at])):
        where = f"{at} by {interrupt.__name__}"
        ready = make(automations)
        before = standing(cluster_id)
        interrupt(at, automations.counter, ready)
        automations.counter.heal()
        assert broken_books(cluster_id) == [], where
        heal(ready)
        assert change_of(automations, before) == effect, where
    assert broken_books(cluster_id) == []
    references = [vend["reference"] for vend in automations.counter.vends()]
    assert len(references) == len(set(references)), "nothing was sold twice"


def test_the_flows_pass_every_place() -> None:
    room = django_settings.PROJECT_ROOT / "clustr" / "recurring" / "commands"
    code = "".join(path.read_text() for path in room.glob("automation_*.py"))
    between = {"recurring.automation.recorded", "recurring.automation.validated"}
    assert set(re.findall(r'crash_points?\("([a-z_.]+)"\)', code)) == AUTOMATIONS_COVER | between
