"""The door with a few addresses more, to try every tool on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.settlement.stage import stage

__all__ = ["stage", "trying"]

TRYING = "/members/trying/"


@pytest.fixture
def trying(settings: Any) -> str:
    """The address under which `tests/web/door_urls.py` hangs."""
    settings.ROOT_URLCONF = "tests.web.door_urls"
    return TRYING
