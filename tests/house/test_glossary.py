"""The glossary's "here" is checked against the code: names import, tables and SQL functions exist, addresses answer."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from clustr.web.api import api

PAGE = (settings.PROJECT_ROOT / "docs/glossary.md").read_text()
NAMES = sorted(set(re.findall(r"`(clustr\.[\w.]+)`", PAGE)))
STORED = sorted(set(re.findall(r"`(table|sql) (\w+)`", PAGE)))
ADDRESSES = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/\S+)` \| (.*) \|$", PAGE, re.MULTILINE)


def found(name: str) -> Any:
    """The module, function, class, attribute or model field that a dotted name stands for."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise AttributeError(name)


def answered(method: str, path: str) -> bool:
    paths = {
        re.sub(r"{\w+}", "{}", known): operations for known, operations in api.get_openapi_schema()["paths"].items()
    }
    return method.lower() in paths.get(re.sub(r"{\w+}", "{}", path), {})


def test_it_works() -> None:
    assert len(NAMES) > 100
    assert len(STORED) > 5
    assert len(ADDRESSES) > 40


@pytest.mark.parametrize("name", NAMES)
def test_every_python_name_is_there(name: str) -> None:
    assert found(name) is not None


@pytest.mark.parametrize(("kind", "name"), STORED)
def test_every_table_and_sql_function_is_there(kind: str, name: str) -> None:
    catalogue = {"table": "SELECT FROM pg_class WHERE relname = %s", "sql": "SELECT FROM pg_proc WHERE proname = %s"}
    with connections["owner"].cursor() as cursor:
        cursor.execute(catalogue[kind], [name])
        assert cursor.rowcount == 1


@pytest.mark.parametrize(("method", "path", "here"), ADDRESSES, ids=[f"{row[0]} {row[1]}" for row in ADDRESSES])
def test_an_address_answers_unless_it_is_planned(method: str, path: str, here: str) -> None:
    """Both ways: what is built is no longer called planned."""
    assert answered(method, path) == ("**planned**" not in here)
