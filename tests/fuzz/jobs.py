"""What a long run does: one job after another, each a role in a town of its own, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from tests.fuzz.harness import PHASES
from tests.fuzz.towns import ROLES

_COVERAGE_FROM = 60_000
_COVERAGE_OF_ALL_FROM = 300_000
_COVERED_FIRST = ("anonymous", "resident", "admin", "platform staff")
_MOST_EXAMPLES = 30


@dataclass(frozen=True)
class Job:
    """Some phases for one role. `number` and the run's seed make it the same again."""

    number: int
    role: str
    phases: Sequence[str]
    examples: int
    prefix: str = "/"


def jobs(cases: int) -> Iterator[Job]:
    """Endless. Every address with every value its schema tells apart comes first, some 9,000 cases for each role: for all
    roles in a run of 300,000 cases or more, for those most unlike in one of 60,000, else only for those who may."""
    examples = max(2, min(_MOST_EXAMPLES, cases // 1_000))
    number = count()
    if cases >= _COVERAGE_FROM:
        for role in ROLES if cases >= _COVERAGE_OF_ALL_FROM else _COVERED_FIRST:
            yield Job(next(number), role, PHASES[:2], examples)
    elif cases >= _COVERAGE_FROM // 6:
        yield Job(next(number), "admin", PHASES[:2], examples, "/management/")
        yield Job(next(number), "resident", PHASES[:2], examples, "/members/")
    while True:
        for role in ROLES:
            yield Job(next(number), role, ("examples", "fuzzing"), examples)
            yield Job(next(number), role, ("stateful",), 3 * examples)
