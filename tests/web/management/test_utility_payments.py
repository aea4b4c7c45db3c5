"""`GET /management/payments/utility_payments/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.money import fund
from tests.utilities.counter import METER, Counter, counter
from tests.web.asking import refused

__all__ = ["counter"]
pytestmark = pytest.mark.usefixtures("books")

ADDRESS = "/management/payments/utility_payments/"


def test_it_works(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    sold = counter.vend(counter.buy(cast.bola))
    counter.dial(bill__failed=1.0)
    refused_later = counter.vend(counter.buy(cast.bola, "600.00"))
    counter.heal()
    waiting = counter.buy(cast.bola, "700.00")
    counter.wait(minutes=5)
    counter.ask(refused_later)
    answer = cast.client_of(cast.ada).get(ADDRESS)
    told = answer.json()
    newest, failed, first = told["payments"]["results"]
    assert (newest["id"], newest["status"]) == (str(waiting.id), "pending")
    assert failed["status"] == "failed"
    assert failed["failure"]
    assert (first["id"], first["amount"], first["fee"]) == (str(sold.id), "2000.00", "100.00")
    sums = told["sums"]
    assert (sums["buyers"], sums["purchases"], sums["delivered"], sums["failed"], sums["undecided"]) == (1, 3, 1, 1, 1)
    assert sums["success_basis_points"] == 5000
    assert sums["volume"] == "2100.00"
    assert sold.token
    assert [secret for secret in (METER, sold.token, METER[-4:] + '"') if secret in answer.content.decode()] == []


def test_filters(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    counter.vend(counter.buy(cast.bola))
    ada = cast.client_of(cast.ada)
    for query, found in (
        ({"status": "completed"}, 1),
        ({"status": "failed"}, 0),
        ({"service_type": "electricity_utility"}, 1),
        ({"service_type": "water_utility"}, 0),
    ):
        assert len(ada.get(ADDRESS, query).json()["payments"]["results"]) == found


def test_it_needs_the_permission(counter: Counter, cast: Cast) -> None:
    refused(cast.client_of(cast.bola).get(ADDRESS), 403, "permission_missing")
    assert cast.client_of(cast.manager("ViewPayments")).get(ADDRESS).status_code == 200
