"""A function fits a screen, a module is one idea and opens with a line that says which."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.conf import settings

LONGEST_FUNCTION = 70
LONGEST_MODULE = 500
MODULES = sorted(
    path
    for package in ("clustr", "sandbox")
    for path in (settings.PROJECT_ROOT / package).rglob("*.py")
    if "migrations" not in path.parts and path.stat().st_size
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(settings.PROJECT_ROOT)))
def test_it_works(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or path.parent.name in ("management", "commands"), "say in one line what lives here"
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            assert node.end_lineno - node.lineno + 1 <= LONGEST_FUNCTION, node.name
