"""A fresh sandbox for each test."""

from __future__ import annotations

import pytest

from tests.sandbox.rig import Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()
