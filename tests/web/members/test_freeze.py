"""`POST /members/wallet/freeze/` and `unfreeze/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast, anonymous
from tests.money import fund
from tests.web.asking import MY_WALLET, PIN, refused, with_pin

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "10.00")
    bola = cast.client_of(cast.bola)
    frozen = bola.post(MY_WALLET + "freeze/")
    assert (frozen.status_code, frozen.json()["is_frozen"], frozen.json()["available"]) == (200, True, "0.00")
    thawed = bola.post(MY_WALLET + "unfreeze/")
    assert (thawed.status_code, thawed.json()["is_frozen"], thawed.json()["available"]) == (200, False, "10.00")


def test_a_repeat_is_harmless(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    for _ in range(2):
        assert bola.post(MY_WALLET + "freeze/").json()["is_frozen"]
    for _ in range(2):
        assert not bola.post(MY_WALLET + "unfreeze/").json()["is_frozen"]


def test_who_set_a_pin_unfreezes_with_it(cast: Cast) -> None:
    bola = with_pin(cast, cast.bola)
    bola.post(MY_WALLET + "freeze/")
    refused(bola.post(MY_WALLET + "unfreeze/"), 422, "pin_required")
    for _ in range(5):
        refused(bola.post(MY_WALLET + "unfreeze/", {"pin": "111111"}), 403, "pin_incorrect")
    refused(bola.post(MY_WALLET + "unfreeze/", {"pin": PIN}), 423, "pin_locked")
    assert bola.get(MY_WALLET + "balance/").json()["is_frozen"]


def test_the_right_pin_unfreezes(cast: Cast) -> None:
    bola = with_pin(cast, cast.bola)
    bola.post(MY_WALLET + "freeze/")
    assert not bola.post(MY_WALLET + "unfreeze/", {"pin": PIN}).json()["is_frozen"]


def test_money_still_comes_in(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    bola.post(MY_WALLET + "freeze/")
    fund(cast, cast.bola, "10.00")
    assert bola.get(MY_WALLET + "balance/").json()["balance"] == "10.00"


def test_it_is_ones_own(cast: Cast) -> None:
    cast.client_of(cast.residents[1]).post(MY_WALLET + "freeze/")
    assert not cast.client_of(cast.bola).get(MY_WALLET + "balance/").json()["is_frozen"]


def test_no_body_is_needed(cast: Cast) -> None:
    for name in ("freeze/", "unfreeze/"):
        assert cast.client_of(cast.bola).post(MY_WALLET + name, b"").status_code == 200


def test_strangers_sign_in_first(cast: Cast) -> None:
    for name in ("freeze/", "unfreeze/"):
        refused(anonymous().post(MY_WALLET + name), 401, "not_signed_in")
