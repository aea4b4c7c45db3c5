"""`GET /members/wallet/balance/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast, anonymous
from tests.money import fund
from tests.web.asking import MY_WALLET, refused, with_pin

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_WALLET + "balance/"


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    assert cast.client_of(cast.bola).get(ADDRESS).json() == {
        "balance": "8000.00",
        "available": "8000.00",
        "currency": "NGN",
        "is_frozen": False,
        "has_pin": False,
    }


def test_a_wallet_nobody_filled_is_empty(cast: Cast) -> None:
    assert cast.client_of(cast.bola).get(ADDRESS).json()["balance"] == "0.00"


def test_a_frozen_one_has_nothing_available(cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    bola = cast.client_of(cast.bola)
    bola.post(MY_WALLET + "freeze/")
    wallet = bola.get(ADDRESS).json()
    assert (wallet["balance"], wallet["available"], wallet["is_frozen"]) == ("8000.00", "0.00", True)


def test_it_tells_of_a_pin(cast: Cast) -> None:
    assert with_pin(cast, cast.bola).get(ADDRESS).json()["has_pin"]


def test_it_is_ones_own(cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    for person in (cast.residents[1], cast.ada, cast.chidi):
        assert cast.client_of(person).get(ADDRESS).json()["balance"] == "0.00"
    refused(anonymous().get(ADDRESS), 401, "not_signed_in")
