"""Links between the documents lead somewhere: to a file, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT: Path = settings.PROJECT_ROOT
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


def anchors_of(page: Path) -> set[str]:
    """The anchors that a page's headings have."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_it_works() -> None:
    assert {"README.md", "ARCHITECTURE.md", "glossary.md"} <= {page.name for page in PAGES}
    assert "7-the-books" in anchors_of(ROOT / "ARCHITECTURE.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


@pytest.mark.parametrize("index", ["docs/README.md", "docs/decisions/README.md"])
def test_every_page_is_in_its_index(index: str) -> None:
    listed = set(_LINK.findall((ROOT / index).read_text()))
    pages = {page.name for page in (ROOT / index).parent.glob("*.md")} - {"README.md"}
    assert sorted(pages - listed) == []
