"""Which Chromium there is, and how it is started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LOCALE = "en-GB"
"""The language of the browsers: days before months, as where the estates are."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """Debian's Chromium, or the user's; CHROMIUM names another. None: there is none."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((found for found in map(shutil.which, NAMES) if found), None)


def arguments() -> list[str]:
    """How to start it: root's has no sandbox of its own, and containers have little shared memory."""
    return [f"--lang={LOCALE}", "--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
