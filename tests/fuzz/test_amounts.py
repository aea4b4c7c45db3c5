"""Every amount of every address takes plain decimal strings, and nothing that only looks like one."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import Field, fields, in_turns

pytestmark = pytest.mark.early

TEXTS = ["", " ", "-1", "+1", "-0", "1e3", "1E400", "1.001", "0.1+0.2", "NaN", "Infinity", "-Infinity", "inf", "0x10",
         str(2**63), str(2**64), "1" * 16, "9" * 400, "99999999999999.99", "5,000.00", "5.000,00", " 5", "5 ", "5\n", "\u00a05",
         "00", "05", "5.", ".5", "5.0.0", "1_000", "５", "５.００", "٥", "۵", "५", "Ⅴ", "²", "½", "5\u200b", "\u202e5", "₦5", "NGN 5",
         "null", "true", "five"]  # fmt: skip
ZEROES = ["0", "0.0", "0.00"]
VALUES = [
    "5",
    "5.0",
    "0.1",
    "-5",
    "1e3",
    "9223372036854775808",
    "true",
    "false",
    '["5"]',
    '{"amount": "5"}',
    "[]",
    "{}",
]
MALFORMED = ["1e400", "-1e999", "NaN", "Infinity", "-Infinity", "05", "+5", ".5", "5.", "0x10", '"5', "'5'"]
AMOUNTS = fields("amount")


@pytest.mark.parametrize("amount", AMOUNTS, ids=str)
def test_what_is_no_amount_is_refused(door: Door, amount: Field, unchanged: None) -> None:
    zeroes = ZEROES if "(?!" in amount.schema["pattern"] else []
    for sent in in_turns(amount, [*map(json.dumps, TEXTS + zeroes), *VALUES]):
        answer = door.fill(amount, sent)
        assert (answer.status, amount.name in answer.named) == (422, True), (sent, answer.text)
    for sent in in_turns(amount, MALFORMED):
        answer = door.fill(amount, sent)
        assert (answer.status, answer.code) == (400, "malformed"), (sent, answer.text)


def test_there_are_amounts() -> None:
    assert len(AMOUNTS) > 8
