"""Every library somebody chose is explained."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

CHOSEN = sorted(
    {
        name
        for page in ("app.in", "dev.in")
        for name in re.findall(r"^([a-z][\w-]*)", (settings.PROJECT_ROOT / "requirements" / page).read_text(), re.M)
    }
)


def test_it_works() -> None:
    assert {"django", "pytest"} <= set(CHOSEN)


@pytest.mark.parametrize("name", CHOSEN)
def test_every_library_is_explained(name: str) -> None:
    page = (settings.PROJECT_ROOT / "docs/decisions/0008-dependencies.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("|")]
    assert any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", row) for row in rows)
