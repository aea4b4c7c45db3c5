"""Every address as everybody, with what schemathesis makes of the OpenAPI document: a bounded, seeded run.

The long form is `bin/fuzz`. What is asked follows from the document alone; a new address is asked without a change here.
"""

from __future__ import annotations

import pytest

from tests.fuzz.harness import ask, running, without_throttles
from tests.fuzz.towns import ROLES

SEED = 20270131
EXAMPLES = 2


@pytest.mark.parametrize("role", ROLES)
def test_no_answer_is_unexpected(role: str) -> None:
    before = running.cases
    with without_throttles() as application:
        found = ask(application, role, seed=SEED, examples=EXAMPLES, phases=("examples", "fuzzing", "stateful"))
    assert not found, "\n".join(map(str, found))
    assert running.cases - before > 80
