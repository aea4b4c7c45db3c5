"""The transcripts of README.md and docs/ speak of addresses, parameters and fields that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from clustr.web.api import api

PAGES = ("README.md", "docs/admin-guide.md", "docs/resident-guide.md")
_COMMAND = re.compile(r"\bas \$\w+ (GET|POST|PUT|PATCH|DELETE) \"?(/[^\s\"]+)\"?(?:\s+'((?:[^']|'\"?\$[^']*'\"?)*)')?")


def requests_of(page: str) -> list[tuple[str, str, str]]:
    """Method, address and body of every request the page shows."""
    return _COMMAND.findall((settings.PROJECT_ROOT / page).read_text())


REQUESTS = [(page, *request) for page in PAGES for request in requests_of(page)]


@cache
def document() -> Any:
    return json.loads(json.dumps(api.get_openapi_schema(), default=str))


def operation(method: str, path: str) -> Any:
    """What the OpenAPI document says of this address; a shell variable stands for any id."""
    for known, operations in document()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", r"\\$\\w+", re.escape(known))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            return operations[method.lower()]
    return None


def test_it_works() -> None:
    assert {page for page, *_ in REQUESTS} == set(PAGES)
    assert len(REQUESTS) > 50


@pytest.mark.parametrize(("page", "method", "address", "body"), REQUESTS)
def test_every_request_fits_the_api(page: str, method: str, address: str, body: str) -> None:
    split = urlsplit(address)
    found = operation(method, split.path)
    assert found is not None, f"{method} {split.path}"
    assert parse_qs(split.query).keys() <= {parameter["name"] for parameter in found["parameters"]}
    if body.strip().startswith("{"):
        sent = json.loads(re.sub(r"'(\$\(.*?\)|\$\w+)'", "x", body))
        name = found["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        schema = document()["components"]["schemas"][name]
        assert set(schema.get("required", ())) <= sent.keys() <= schema["properties"].keys()


def test_the_helpers_are_bash() -> None:
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", str(settings.PROJECT_ROOT / "docs/session.sh")], check=True)
