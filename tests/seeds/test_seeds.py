"""Every seed still says what to change: code that was rewritten must not disarm one in silence."""

from __future__ import annotations

from collections import Counter

import pytest
from django.conf import settings

from tests.seeds.everything import SEEDS
from tests.seeds.planting import Ended, verdict
from tests.seeds.seed import Seed

BY_NAME = pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)


def test_names_are_taken_once() -> None:
    assert [name for name, times in Counter(seed.name for seed in SEEDS).items() if times > 1] == []


@BY_NAME
def test_its_texts_stand_exactly_once(seed: Seed) -> None:
    assert seed.unfit(settings.PROJECT_ROOT) == [], f"{seed.name}: find what became of it in {seed.file}"


@BY_NAME
def test_its_tests_exist(seed: Seed) -> None:
    for named in (*seed.tests, *seed.folders, *seed.races):
        path, _, function = named.partition("::")
        found = settings.PROJECT_ROOT / path
        assert found.exists(), named
        assert not function or f"def {function}(" in found.read_text(), named


FAILURE = "FAILED tests/bills/test_pay_bill.py::test_it_works - AssertionError: assert 1 == 2\n1 failed in 1.00s\n"
BOOKS = "_ ERROR at teardown of test_it_works _\nERROR tests/bills/test_pay_bill.py::test_it_works - assert [] == [1]\n"
SCHEMA = (
    '  File "tests/databases.py", line 56\n_ ERROR at setup of test_it_works _\nERROR tests/x.py::test_it_works - no\n'
)


@pytest.mark.parametrize(
    ("code", "said", "ended"),
    [
        (0, "5 passed in 1.00s\n", Ended("survived")),
        (1, FAILURE, Ended("caught", "tests/bills/test_pay_bill.py::test_it_works")),
        (1, BOOKS, Ended("caught", "tests/bills/test_pay_bill.py::test_it_works")),
        (1, SCHEMA, Ended("broken", "tests/x.py::test_it_works")),
        (2, "ERROR tests/x.py - SyntaxError\n", Ended("broken", "tests/x.py")),
        (4, "", Ended("broken", "pytest ended with 4")),
    ],
)
def test_a_seed_is_caught_by_a_test_that_fails_and_by_nothing_else(code: int, said: str, ended: Ended) -> None:
    """A seed that does not even make a schema, or cannot be imported, shows nothing about the tests."""
    assert verdict(code, said) == ended
