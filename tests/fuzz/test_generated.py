"""Every address as everybody, with what schemathesis makes of the OpenAPI document: a bounded, seeded run.

The long form is `bin/fuzz`. What is asked follows from the document alone; a new address is asked without a change here.
"""

from __future__ import annotations

import pytest

from tests.fuzz.fields import DOCUMENT
from tests.fuzz.harness import ask, running, without_throttles
from tests.fuzz.towns import MANAGERS, ROLES, STRANGERS

pytestmark = pytest.mark.early

SEED = 20270131
OFFICE, MEMBERS = "/management/", "/members/"
ONLY = {**dict.fromkeys(MANAGERS, OFFICE), "admin": OFFICE, "resident": MEMBERS, "former": MEMBERS, "twofold": MEMBERS}
"""Where a bounded run asks as whom; in a long one everybody asks everywhere."""
IN_TURNS = sorted(DOCUMENT["paths"])
"""Of these `BY_HALVES` ask at every other one; the matrix asks at each as each."""
BY_HALVES = (*STRANGERS, "former", "twofold")
FOLLOWING = ("admin", "resident")
"""Who follows the links from one answer to the next request; in a long run everybody does."""
BOUNDED = [role for role in ROLES if role not in MANAGERS[1:]]
"""Of those with a single permission the first: the matrix asks as each, and so does the long form."""


@pytest.mark.parametrize("role", BOUNDED)
def test_no_answer_is_unexpected(role: str) -> None:
    before = running.cases
    phases = ("fuzzing",) if role in MANAGERS else ("examples", "fuzzing")
    with without_throttles() as application:
        found = ask(
            application,
            role,
            seed=SEED,
            examples=1,
            phases=(*phases, "stateful") if role in FOLLOWING else phases,
            only=lambda path: asks(role, path),
        )
    assert not found, "\n".join(map(str, found))
    assert running.cases - before > 20


def asks(role: str, path: str) -> bool:
    if role in BY_HALVES and IN_TURNS.index(path) % 2 != BY_HALVES.index(role) % 2:
        return False
    return role in STRANGERS or not of_known_audience(path) or path.startswith(ONLY.get(role, "/"))


def of_known_audience(path: str) -> bool:
    return path.startswith((OFFICE, MEMBERS))
