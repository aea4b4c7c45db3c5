"""`POST /members/wallet/withdraw/`."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.clusters.types import Role
from sandbox.banks import holder_of
from tests.cast import ApiClient, Cast, Part, anonymous, client_of, make_estate
from tests.money import fund, wallet_balance
from tests.web.asking import MY_WALLET, PIN, bad_amounts, refused, with_pin
from tests.web.pages.browsing import Browser

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_WALLET + "withdraw/"
MEMBERS = "/management/payments/members/"
DESTINATION = {"bank_code": "058", "account_number": "0123456789"}


@pytest.fixture
def bola(cast: Cast) -> ApiClient:
    fund(cast, cast.bola, "8000.00")
    return cast.client_of(cast.bola)


def withdraw(client: ApiClient, amount: object = "3000.00", **more: Any) -> Any:
    key = more.pop("key", None)
    return client.post(ADDRESS, {"amount": amount, "destination": DESTINATION, **more}, key=key)


def test_it_works(cast: Cast, bola: ApiClient) -> None:
    answer = withdraw(bola)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["type"], made["status"], made["amount"]) == ("withdrawal", "pending", "3000.00")
    assert (made["user_id"], made["completed_at"]) == (str(cast.bola.user_id), None)
    assert "0123456789" not in answer.content.decode()
    assert wallet_balance(cast.bola) == "5000.00"


@pytest.mark.usefixtures("stage")
def test_the_bank_is_asked_whose_account_it_is(bola: ApiClient) -> None:
    holder = str(holder_of(**DESTINATION))
    assert bola.post(ADDRESS + "resolve/", DESTINATION).json() == {**DESTINATION, "account_name": holder}
    refused(bola.post(ADDRESS + "resolve/", DESTINATION | {"bank_code": "999"}), 422, "bank_account_not_found")
    seen = DESTINATION | {"seen_name": holder, "account_name": "Chidi Eze"}
    made = withdraw(bola, "10.00", destination=seen).json()["destination"]
    assert made == {
        "account_number": "******6789", "account_name": "Chidi Eze", "holder": holder, "name_check": "differs"
    }  # fmt: skip
    refused(withdraw(bola, destination=seen | {"seen_name": "BOLA ADEYEMI"}), 409, "account_name_differs")
    refused(withdraw(bola, destination=DESTINATION | {"bank_code": "999"}), 422, "bank_account_not_found")


@pytest.mark.usefixtures("stage")
def test_a_bank_that_may_only_be_out_of_reach_does_not_keep_money_back(bola: ApiClient) -> None:
    """Of a number that it cannot find the provider says what it says of every number while the bank does not answer."""
    unsure = DESTINATION | {"account_number": "0123450000"}
    refused(bola.post(ADDRESS + "resolve/", unsure), 503, "provider_unavailable")
    refused(withdraw(bola, destination=unsure | {"seen_name": "BOLA ADEYEMI"}), 503, "provider_unavailable")
    for seen in ({}, {"seen_name": ""}):
        made = withdraw(bola, "10.00", destination={**unsure, **seen}).json()["destination"]
        assert (made["holder"], made["name_check"]) == ("", "not_checked")


@pytest.mark.usefixtures("stage")
def test_in_a_currency_in_which_no_account_is_named_the_name_is_needed(cast: Cast) -> None:
    """Without one it would wait a day, and come back."""
    estate = make_estate("Nairobi Heights", (Part("Bola", Role.RESIDENT, (), "A1"),), cast.now, currency="KES")
    bola = client_of(estate["Bola"])
    refused(bola.post(ADDRESS + "resolve/", DESTINATION), 409, "provider_not_available")
    for unnamed in ({}, {"account_name": " "}, {"seen_name": ""}):
        answer = withdraw(bola, destination=DESTINATION | unnamed)
        refused(answer, 422, "account_name_required")
    refused(withdraw(bola, destination=DESTINATION | {"account_name": "Bola"}), 402, "insufficient_funds")
    page = Browser(estate["Bola"])
    page.open("/app/wallet/withdraw/")
    page.send(amount="300", bank_code="058", account_number="0123456789")
    page.confirm(although="yes")
    assert "Say whose account this is" in page.text
    assert 'name="account_name"' in page.text


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("limit", ["THROTTLE_NAMES_PER_MINUTE", "THROTTLE_NAMES_PER_ESTATE"])
def test_a_bank_is_not_asked_without_end(cast: Cast, bola: ApiClient, settings: Any, limit: str) -> None:
    settings.ENV = settings.ENV.model_copy(update={limit: 2})
    assert bola.post(ADDRESS + "resolve/", DESTINATION).status_code == 200
    assert withdraw(bola, "10.00", key="out").status_code == 201
    for asked in (bola.post(ADDRESS + "resolve/", DESTINATION), withdraw(bola, "10.00")):
        refused(asked, 429, "too_many_requests")
        assert 25 <= int(asked["Retry-After"]) <= 31
    assert withdraw(bola, "10.00", key="out")["Idempotent-Replayed"] == "true"
    ada = cast.client_of(cast.ada).post("/management/payments/settings/bank_details/resolve/", DESTINATION)
    assert ada.status_code == {"THROTTLE_NAMES_PER_MINUTE": 200, "THROTTLE_NAMES_PER_ESTATE": 429}[limit]


def test_a_repeat_has_one_effect(cast: Cast, bola: ApiClient) -> None:
    first, again = (withdraw(bola, key="out") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert wallet_balance(cast.bola) == "5000.00"


def test_no_more_than_there_is(cast: Cast, bola: ApiClient) -> None:
    refused(withdraw(bola, "8000.01"), 402, "insufficient_funds")
    assert withdraw(bola, "8000.00").status_code == 201


def test_staff_who_leave_take_their_money_along(cast: Cast) -> None:
    fund(cast, cast.efe, "8000.00")
    cast.client_of(cast.ada).patch(f"{MEMBERS}{cast.efe.membership_id}/", {"left_at": cast.now.isoformat()})
    efe = cast.client_of(cast.efe)
    assert efe.get(MY_WALLET + "balance/").json()["balance"] == "8000.00"
    assert withdraw(efe, "8000.00").status_code == 201
    refused(efe.get(MEMBERS), 403, "permission_missing")


def test_nothing_from_an_empty_wallet(cast: Cast) -> None:
    refused(withdraw(cast.client_of(cast.bola)), 402, "insufficient_funds")


def test_nothing_from_a_frozen_wallet(cast: Cast, bola: ApiClient) -> None:
    bola.post(MY_WALLET + "freeze/")
    refused(withdraw(bola), 423, "account_frozen")


def test_a_set_pin_is_needed(cast: Cast, bola: ApiClient) -> None:
    with_pin(cast, cast.bola)
    refused(withdraw(bola), 422, "pin_required")
    refused(withdraw(bola, pin="111111"), 403, "pin_incorrect")
    assert withdraw(bola, pin=PIN).status_code == 201


def test_wrong_pins_lock_spending(cast: Cast, bola: ApiClient) -> None:
    with_pin(cast, cast.bola)
    for _ in range(5):
        withdraw(bola, pin="111111")
    refused(withdraw(bola, pin=PIN), 423, "pin_locked")
    assert wallet_balance(cast.bola) == "8000.00"


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, bola: ApiClient, amount: object) -> None:
    refused(withdraw(bola, amount), 422, "invalid", "amount")


@pytest.mark.parametrize(
    "destination",
    [None, {}, "x", {"bank_code": "058"}, DESTINATION | {"account_number": 123456789}, DESTINATION | {"swift": "x"},
     DESTINATION | {"account_number": "0123456789\n"}, DESTINATION | {"account_number": "٠١٢٣٤٥٦٧٨٩"}],
    ids=str,
)  # fmt: skip
def test_a_destination_is_checked(cast: Cast, bola: ApiClient, destination: object) -> None:
    answer = bola.post(ADDRESS, {"amount": "1.00", "destination": destination})
    refused(answer, 422, "invalid")


def test_strangers_sign_in_first(cast: Cast) -> None:
    refused(withdraw(anonymous()), 401, "not_signed_in")
