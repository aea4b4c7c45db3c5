"""JSON without floats: read strictly (Decimal, no duplicate keys, no NaN), written with exact decimal numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_LONGEST_NUMBER = 40


class NotExactJson(ValueError):
    """The text is not JSON, or not JSON that can mean one thing only. The text itself is never repeated."""


def read_json(text: bytes) -> Any:
    """Numbers become int or Decimal, never float. Raises NotExactJson."""
    try:
        return json.loads(
            text.decode("utf-8"),
            parse_int=_int,
            parse_float=_decimal,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        raise NotExactJson("the text is not exact JSON") from None


def write_json(value: Any) -> str:
    """Compact JSON; a Decimal becomes a plain decimal number, digit for digit. A float is a bug."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(name)}:{write_json(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(write_json, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no exact JSON")


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("the keys of an object are strings")
    return json.dumps(name, ensure_ascii=False)


def _int(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise NotExactJson("a number is too long")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    number = Decimal(digits)
    if len(digits) > _LONGEST_NUMBER or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise NotExactJson("a number is too long")
    return number


def _refuse(_constant: str) -> Any:
    raise NotExactJson("NaN and Infinity are not numbers")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise NotExactJson("a key stands twice")
    return read
