"""Static files whose addresses name their content, so that browsers may keep them for a year without a build step."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class Named(StaticFilesStorage):
    """`{% static "web/app.css" %}` is `/static/web/app.css?v=` and the beginning of the file's digest."""

    def url(self, name: str | None) -> str:
        address = super().url(name)
        digest = _digest(name or "")
        return f"{address}?v={digest}" if digest else address


@cache
def _digest(name: str) -> str:
    found = finders.find(name)
    return hashlib.sha256(Path(str(found)).read_bytes()).hexdigest()[:12] if found else ""
