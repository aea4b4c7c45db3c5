"""JSON is read so that it can mean one thing only, and decimals are written as they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustr.kit.exact_json import NotExactJson, read_json, write_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda held: st.lists(held) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), held),
    max_leaves=12,
)


@given(values)
def test_it_works(value: Any) -> None:
    assert read_json(write_json(value).encode()) == value


def test_a_decimal_keeps_its_digits() -> None:
    assert write_json({"amount": Decimal("2000.50"), "rate": Decimal("1E+3")}) == '{"amount":2000.50,"rate":1000}'
    assert str(read_json(b"0.10")) == "0.10"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"<html>",
        b"NaN",
        b"-Infinity",
        b'{"a": 1, "a": 2}',
        b"1" * 41,
        b"1e999999",
        b"\xff",
        b"[" * 200_000,
        b'{"a": 1} x',
    ],
)
def test_what_is_not_exact_is_refused(text: bytes) -> None:
    with pytest.raises(NotExactJson) as raised:
        read_json(text)
    assert len(str(raised.value)) < 40


@pytest.mark.parametrize("value", [1.5, Decimal("NaN"), object(), {1: 2}, {"a"}, b"x"])
def test_what_has_no_exact_json_is_a_bug(value: Any) -> None:
    with pytest.raises(TypeError):
        write_json(value)
