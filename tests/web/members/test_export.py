"""`GET /members/profile/export/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast, anonymous
from tests.money import acknowledge, fund, issue
from tests.web.asking import MY_WALLET, dispute, pay, refused, with_pin

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = "/members/profile/export/"


def test_it_works(cast: Cast) -> None:
    bill, other = issue(cast, title="Lawn"), issue(cast, title="Gate")
    fund(cast, cast.bola, "5000.00")
    acknowledge(cast, cast.bola, bill)
    dispute(cast, cast.bola, other)
    bola = cast.client_of(cast.bola)
    assert pay(bola, bill, "10.00").status_code == 201
    destination = {"bank_code": "058", "account_number": "0123456789"}
    bola.post(MY_WALLET + "withdraw/", {"amount": "1.00", "destination": destination})
    with_pin(cast, cast.bola)
    answer = bola.get(ADDRESS)
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    held = answer.json()
    assert held["people"]["email"] == cast.bola.email
    assert [row["cluster"] for row in held["memberships"]] == ["Palm Grove"]
    assert [row["type"] for row in held["transactions"]] == ["deposit", "bill_payment", "withdrawal"]
    (wallets,) = held["wallets"]
    assert wallets["wallets"] == [{"balance": "4989.00", "currency": "NGN", "frozen_at": None}]
    assert wallets["bank_accounts"][0]["account_number"] == "0123456789"
    assert wallets["pin_set_at"]
    (bills,) = held["bills"]
    assert [row["title"] for row in bills["bills"]] == ["Lawn", "Gate"]
    assert [row["bill_number"] for row in bills["acknowledgments"]] == [bill.bill_number]
    assert [row["reason"] for row in bills["disputes"]] == ["Not mine."]
    assert {"bills.paid", "wallets.pin_set"} <= {row["action"] for row in held["trail"]}


def test_it_holds_nobody_else(cast: Cast) -> None:
    second = cast.residents[1]
    fund(cast, second, "10.00")
    dispute(cast, second, issue(cast))
    issue(cast, to=second, title="Secret repair")
    text = cast.client_of(cast.bola).get(ADDRESS).content.decode()
    for foreign in (second.email, str(second.user_id), "Secret repair", "Not mine.", str(cast.lekki.id)):
        assert foreign not in text


def test_it_takes_a_turn_of_the_throttle(cast: Cast, settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"THROTTLE_MONEY_PER_MINUTE": 1, "THROTTLE_MONEY_BURST": 1})
    bola = cast.client_of(cast.bola)
    assert bola.get(ADDRESS).status_code == 200
    again = bola.get(ADDRESS)
    refused(again, 429, "too_many_requests")
    assert int(again["Retry-After"]) > 0
    assert cast.client_of(cast.ada).get(ADDRESS).status_code == 200


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(anonymous().get(ADDRESS), 401, "not_signed_in")
