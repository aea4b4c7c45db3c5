"""Every value that a schema tells apart, sent by whoever may: the office's addresses as an admin, all others as a resident.

A bounded run asks at every sixth address; the long form (`bin/fuzz`, or EVERY=1 in the environment) at each.
"""

from __future__ import annotations

import os

import pytest

from tests.fuzz.fields import DOCUMENT
from tests.fuzz.harness import ask, running, without_throttles

pytestmark = pytest.mark.early

SEED = 20270131
ASKED = frozenset(sorted(DOCUMENT["paths"])[:: 1 if os.environ.get("EVERY") else 6])


def of_office(path: str) -> bool:
    return path in ASKED and path.startswith("/management/")


def of_others(path: str) -> bool:
    return path in ASKED and not path.startswith("/management/")


@pytest.mark.parametrize(("role", "only"), [("admin", of_office), ("resident", of_others)])
def test_no_answer_is_unexpected(role: str, only: object) -> None:
    before = running.cases
    with without_throttles() as application:
        found = ask(application, role, seed=SEED, examples=1, phases=("coverage",), only=only)  # type: ignore[arg-type]
    assert not found, "\n".join(map(str, found))
    assert running.cases - before > 500
