"""`POST /management/payments/bills/{id}/remind/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.money import issue
from tests.web.asking import OFFICE

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    ada = cast.client_of(cast.ada)
    address = f"{OFFICE}bills/{bill.id}/remind/"
    first = ada.post(address, key="once")
    assert (first.status_code, first.json()["id"]) == (200, str(bill.id))
    assert ada.post(address, key="once").json() == first.json()
    again = ada.post(address)
    assert (again.status_code, again.json()["code"]) == (409, "already_reminded")
