"""docs/errors.md tells clients what to do about every code, with the status the door really answers."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from clustr.kit import inventory
from clustr.kit.errors import Refusal
from clustr.web.errors import STATUS_OF_CODE, STATUS_OF_KIND
from clustr.web.refusals import DoorError

PAGE = (settings.PROJECT_ROOT / "docs/errors.md").read_text()
ADVICE = {code: int(status) for code, status in re.findall(r"^\| `(\w+)` \| (\d{3}) \| \S.* \|$", PAGE, re.MULTILINE)}
NOT_RAISED = {"not_ready"}
"""Answered by /readyz directly."""


@pytest.fixture(scope="module")
def answered() -> dict[str, int]:
    """Every code with its status."""
    inventory.load_everything()
    statuses = {error.code: error.status for error in DoorError.registry.values()}
    for code, refusal in Refusal.registry.items():
        if refusal.__module__.startswith("clustr."):
            of_kind = next(status for kind, status in STATUS_OF_KIND if issubclass(refusal, kind))
            statuses[code] = STATUS_OF_CODE.get(code, of_kind)
    return statuses


def test_it_works(answered: dict[str, int]) -> None:
    assert ADVICE["bill_not_acknowledged"] == 409
    assert len(answered) > 80


def test_every_code_has_advice(answered: dict[str, int]) -> None:
    assert sorted(answered.keys() - ADVICE.keys()) == []


def test_no_advice_about_codes_that_are_gone(answered: dict[str, int]) -> None:
    assert sorted(ADVICE.keys() - answered.keys() - NOT_RAISED) == []


def test_every_status_is_the_real_one(answered: dict[str, int]) -> None:
    assert {code: status for code, status in ADVICE.items() if code not in NOT_RAISED} == answered
