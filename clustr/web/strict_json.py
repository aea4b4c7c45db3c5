"""JSON as the API accepts it: UTF-8, no key twice, no NaN, no infinity, nothing PostgreSQL cannot hold as text."""

from __future__ import annotations

import json
import math
from typing import Any

from django.http import HttpRequest
from ninja.parser import Parser

from clustr.web.refusals import Malformed, WrongContentType


class StrictParser(Parser):
    """Reads request bodies. What it refuses is malformed (400), or not JSON at all (415)."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise WrongContentType
        return parse(request.body)


def parse(raw: bytes) -> Any:
    """Read one JSON document, or raise Malformed without repeating what it held."""
    try:
        text = raw.decode("utf-8")
        read = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_such_number,
            parse_float=_finite,
        )
        if "\\u" in text:
            _refuse_unstorable(read)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed("The body is nested too deeply.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    return read


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Malformed("A key stands twice in one object.")
    return read


def _no_such_number(_name: str) -> float:
    raise Malformed("JSON has no NaN and no infinity.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed("A number is out of range.")
    return number


def _refuse_unstorable(value: Any) -> None:
    """Escapes can smuggle in NUL and half characters, which no PostgreSQL text holds."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise Malformed("A text holds a character that cannot be stored.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_unstorable(key)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)
