"""Instants are RFC 3339 between 1970 and 2200; whatever else looks like one is refused."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import Field, fields, in_turns
from tests.fuzz.test_ids import quoted

pytestmark = pytest.mark.early

WRONG = ["", " ", "now", "2027", "2027-01", "2027-01-31", "20270131T225959Z", "2027-01-31T22:59:59", "2027-01-31 22:59",
         "2027-02-30T00:00:00Z", "2027-13-01T00:00:00Z", "2027-00-10T00:00:00Z", "2027-01-00T00:00:00Z", "2027-02-29T00:00:00Z",
         "2027-01-31T24:00:00Z", "2027-01-31T23:60:00Z", "2026-12-31T23:59:60Z", "2027-01-31T22:59:59+24:00",
         "2027-01-31T22:59:59+99:99", "2027-01-31T22:59:59-25:00", "2027-01-31T22:59:59+01", "2027-01-31T22:59:59 UTC",
         "2027-01-31T22:59:59Africa/Lagos", "2027-01-31T22:59:59.Z", "2027-01-31T22:59:59.1234567890Z", "2027-W04-7T00:00:00Z",
         "2027-031T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z",
         "2201-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z",
         "+12027-01-31T22:59:59Z", "-2027-01-31T22:59:59Z", "２０２７-01-31T22:59:59Z", "٢٠٢٧-01-31T22:59:59Z", " 2027-01-31T22:59:59Z",
         "2027-01-31T22:59:59Z ", "2027-01-31T22:59:59Z\n", "infinity", "-infinity", "epoch", "1798758000"]  # fmt: skip
VALUES = ["1798758000", "0", "-1", "1e3", "true", "[]", "{}"]
GOOD = ["2027-01-31T22:59:59Z", "2027-01-31t22:59:59z", "2027-01-31T23:59:59+01:00", "2027-01-31T22:59:59.123456789Z",
        "2027-01-31T22:59:59-00:00", "2199-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2028-02-29T00:00:00Z"]  # fmt: skip
BODY, QUERY = (fields("instant", places=(place,)) for place in ("body", "query"))


@pytest.mark.parametrize("instant", BODY, ids=str)
def test_what_is_no_instant_is_refused_in_bodies(door: Door, instant: Field, unchanged: None) -> None:
    for sent in in_turns(instant, [*map(json.dumps, WRONG), *VALUES]):
        answer = door.fill(instant, sent)
        assert (answer.status, instant.name in answer.named) == (422, True), (sent, answer.text)


@pytest.mark.parametrize("instant", QUERY, ids=str)
def test_filters_take_the_same(door: Door, instant: Field) -> None:
    for sent in in_turns(instant, WRONG):
        answer = door.fill(instant, quoted(sent))
        assert (answer.status, list(answer.named)) == (422, [instant.name]), (sent, answer.text)
    for sent in in_turns(instant, GOOD):
        assert door.fill(instant, quoted(sent)).status == 200, sent
