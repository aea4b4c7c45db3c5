"""The people room on its own: its sign-in addresses, without the web room's middleware."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.people.someone import an_address


@pytest.fixture(autouse=True)
def _people_alone(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.people.urls"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith("clustr.web.")]


@pytest.fixture
def api() -> Client:
    """An API client at an address of its own."""
    return Client(REMOTE_ADDR=an_address())
