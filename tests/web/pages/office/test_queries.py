"""Every page of the office makes as many statements for many members as for few."""

from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.money import issue
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import OFFICE, Lived, Place, make_lived

MOST = 40


@pytest.fixture(scope="module")
def small(django_db_setup: None) -> Lived:
    return make_lived()


@pytest.fixture(scope="module")
def large(django_db_setup: None) -> Lived:
    made = make_lived(residents=60)
    for number in range(8):
        issue(made.cast, title=f"Bill {number}")
    return made


def statements(browser: Browser, address: str) -> int:
    with CaptureQueriesContext(connections["default"]) as captured:
        answer = browser.client.get(address)
        if answer.streaming:
            b"".join(answer.streaming_content)
    assert answer.status_code == 200
    return len(captured)


@pytest.mark.parametrize("place", [place for place in OFFICE if "receipt" not in place.address], ids=str)
def test_it_works(small: Lived, large: Lived, place: Place) -> None:
    few, many = Browser(small.cast.ada), Browser(large.cast.ada)
    few.client.get("/office/more/"), many.client.get("/office/more/")
    assert statements(few, place.of(small)) == statements(many, place.of(large)) <= MOST
