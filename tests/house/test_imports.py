"""Imports go down the floors, and down inside each room."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from django.conf import settings
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_it_works() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = lint_imports(config_filename=str(Path(settings.PROJECT_ROOT) / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, said.getvalue()


def test_every_room_is_installed() -> None:
    rooms = {path.parent.name for path in Path(settings.PROJECT_ROOT / "clustr").glob("*/__init__.py")}
    assert rooms == set(settings.ROOMS)
