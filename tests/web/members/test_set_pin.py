"""`POST /members/wallet/set_pin/`."""

from __future__ import annotations

import pytest

from clustr.people.models import User
from tests.cast import Cast, anonymous
from tests.web.asking import MY_WALLET, PIN, refused

ADDRESS = MY_WALLET + "set_pin/"
OTHER = "917364"


def test_it_works(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    answer = bola.post(ADDRESS, {"pin": PIN})
    assert (answer.status_code, answer.json()["has_pin"]) == (200, True)
    assert PIN not in answer.content.decode()
    assert bola.post(ADDRESS, {"pin": OTHER, "old_pin": PIN}).status_code == 200
    refused(bola.post(ADDRESS, {"pin": PIN, "old_pin": PIN}), 403, "pin_incorrect")


def test_a_change_needs_the_old_one(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    bola.post(ADDRESS, {"pin": PIN})
    refused(bola.post(ADDRESS, {"pin": OTHER}), 422, "old_pin_required")


def test_wrong_old_ones_lock(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    bola.post(ADDRESS, {"pin": PIN})
    for _ in range(5):
        refused(bola.post(ADDRESS, {"pin": OTHER, "old_pin": "111111"}), 403, "pin_incorrect")
    refused(bola.post(ADDRESS, {"pin": OTHER, "old_pin": PIN}), 423, "pin_locked")


@pytest.mark.parametrize("pin", ["000000", "123456", "654321", "121212", "123123", "199090"])
def test_easy_ones_are_refused(cast: Cast, pin: str) -> None:
    refused(cast.client_of(cast.bola).post(ADDRESS, {"pin": pin}), 422, "pin_too_easy")


def test_the_end_of_the_phone_number_is_refused(cast: Cast) -> None:
    User.objects.filter(id=cast.bola.user_id).update(phone="+234 803 482 915")
    refused(cast.client_of(cast.bola).post(ADDRESS, {"pin": "482915"}), 422, "pin_too_easy")


@pytest.mark.parametrize("pin", ["12345", "1234567", "abcdef", 482915, None])
def test_it_has_six_digits(cast: Cast, pin: object) -> None:
    answer = cast.client_of(cast.bola).post(ADDRESS, {"pin": pin})
    refused(answer, 422, "invalid", "pin")
    assert str(pin) not in answer.content.decode() or pin is None


def test_a_repeat_by_key_gets_the_first_answer(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    first, again = (bola.post(ADDRESS, {"pin": PIN}, key="pin") for _ in range(2))
    assert (again.status_code, again.content) == (200, first.content)


def test_a_repeat_tells_nothing_of_the_pin(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    assert bola.post(ADDRESS, {"pin": PIN}, key="pin").status_code == 200
    for _ in range(5):
        refused(bola.post(ADDRESS, {"pin": OTHER}, key="pin"), 403, "pin_incorrect")
    refused(bola.post(ADDRESS, {"pin": PIN}, key="pin"), 423, "pin_locked")


def test_it_is_ones_own(cast: Cast) -> None:
    cast.client_of(cast.bola).post(ADDRESS, {"pin": PIN})
    assert not cast.client_of(cast.residents[1]).get(MY_WALLET + "balance/").json()["has_pin"]


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(anonymous().post(ADDRESS, {"pin": PIN}), 401, "not_signed_in")
