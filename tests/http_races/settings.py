"""The settings of the served process: those of the tests, on the database of the test that started it, and naive views."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403

for _login in DATABASES.values():  # noqa: F405
    _login["NAME"] = os.environ["RACES_DATABASE"]

ROOT_URLCONF = "tests.http_races.urls"
