"""`POST /members/wallet/deposit/`, and what follows on the way back from the provider."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.queries import transaction_visible_to
from clustr.settlement.commands import receipts
from tests.cast import ApiClient, Cast, anonymous
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.web.asking import MY_WALLET, OFFICE, bad_amounts, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = MY_WALLET + "deposit/"


def deposit(client: ApiClient, amount: object = "2500.00", provider: object = "paystack", **more: Any) -> Any:
    key = more.pop("key", None)
    return client.post(ADDRESS, {"amount": amount, "provider": provider, **more}, key=key)


def started(cast: Cast) -> int:
    with tenant(cast.cluster_id):
        return Transaction.objects.filter(cluster_id=cast.cluster_id, type="deposit").count()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    answer = deposit(cast.client_of(cast.bola), provider=provider)
    assert answer.status_code == 201
    made = answer.json()
    told = {"transaction_id", "reference", "payment_url", "status", "amount", "surcharge", "currency", "failure"}
    assert set(made) == told
    assert (made["amount"], made["surcharge"], made["currency"], made["failure"]) == ("2500.00", "0.00", "NGN", None)
    assert made["status"] == "processing"
    assert made["payment_url"].startswith("http")
    assert wallet_balance(cast.bola) == "0.00"


@pytest.mark.parametrize(("amount", "code"), [("0.01", "amount_too_small"), ("49.99", "amount_too_small"),
                                             ("10000000.01", "amount_too_large")])  # fmt: skip
def test_what_the_provider_takes_in_no_charge(stage: Stage, cast: Cast, amount: str, code: str) -> None:
    answer = deposit(cast.client_of(cast.bola), amount)
    refused(answer, 422, "invalid_value", "amount")
    assert answer.json()["errors"] == [
        {"field": "amount", "code": code,
         "message": "Paystack takes no less than ₦50.00 and no more than ₦10,000,000.00 at once."}
    ]  # fmt: skip
    assert started(cast) == 0
    assert deposit(cast.client_of(cast.bola), "50.00").status_code == 201


def test_no_callback_is_none(stage: Stage, cast: Cast) -> None:
    assert deposit(cast.client_of(cast.bola), callback_url=None).status_code == 201


def test_a_repeat_starts_nothing_new(stage: Stage, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    first, again = (deposit(bola, key="in") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert started(cast) == 1
    refused(deposit(bola, "1.00", key="in"), 422, "idempotency_key_reused")


def test_a_repeat_after_an_answer_was_not_heard_goes_on_with_another_attempt(stage: Stage, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    stage.dial(charge__timeout_after=1.0)
    refused(deposit(bola, key="in"), 504, "provider_silent")
    refused(deposit(bola, "1.00", key="in"), 422, "idempotency_key_reused")
    stage.heal()
    assert deposit(bola, key="in").status_code == 201
    assert started(cast) == 2


def test_the_newest_is_listed_first_whatever_key_it_had_and_whatever_arrived(stage: Stage, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    made = [deposit(bola, key=f"in {number}").json()["reference"] for number in range(3)]
    stage.end_reference("paystack", made[-1], "too_much")
    assert bola.post("/payments/verify-payment/", {"reference": made[-1]}).json()["status"] == "completed"
    made += [deposit(bola, key=f"in {number}").json()["reference"] for number in range(3, 6)]
    listed = [one["reference"] for one in bola.get(MY_WALLET + "transactions/").json()["results"]]
    (surplus,) = set(listed) - set(made)
    assert listed == [*made[:2:-1], surplus, *made[2::-1]]


def test_a_provider_that_cannot_be_reached(stage: Stage, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    monkeypatch.setattr(stage, "_answer", unreachable)
    refused(deposit(cast.client_of(cast.bola)), 503, "provider_unavailable")
    with tenant(cast.cluster_id):
        failed = Transaction.objects.get(cluster_id=cast.cluster_id, type="deposit")
    assert (failed.status, failed.failure["type"]) == ("failed", "NETWORK_ERROR")  # type: ignore[index]


@bad_amounts
def test_amounts(stage: Stage, cast: Cast, amount: object) -> None:
    refused(deposit(cast.client_of(cast.bola), amount), 422, "invalid", "amount")


@pytest.mark.parametrize("provider", ["stripe", "", None, "PAYSTACK"])
def test_an_unknown_provider(stage: Stage, cast: Cast, provider: object) -> None:
    refused(deposit(cast.client_of(cast.bola), provider=provider), 422, "invalid", "provider")


def test_a_provider_without_keys_is_off(cast: Cast) -> None:
    refused(deposit(cast.client_of(cast.bola)), 409, "provider_not_available")


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "http://127.0.0.1:8000.evil.example/", "http://127.0.0.1:8000@evil.example/"]
)
def test_payers_are_not_sent_anywhere(stage: Stage, cast: Cast, url: str) -> None:
    refused(deposit(cast.client_of(cast.bola), callback_url=url), 422, "callback_not_allowed")


def test_nobody_signed_in(cast: Cast) -> None:
    refused(deposit(anonymous()), 401, "not_signed_in")


def test_what_the_payer_pays_on_top_is_told(stage: Stage, cast: Cast) -> None:
    cast.client_of(cast.ada).patch(OFFICE + "settings/", {"fee_bearer": "payer"})
    made = deposit(cast.client_of(cast.bola), "1000.00").json()
    assert (made["amount"], made["surcharge"]) == ("1000.00", "15.23")
    stage.end_reference("paystack", made["reference"])
    settled = cast.client_of(cast.bola).post("/payments/verify-payment/", {"reference": made["reference"]}).json()
    assert (settled["status"], settled["amount"]) == ("completed", "1000.00")
    with tenant(cast.cluster_id):
        view = transaction_visible_to(actor=cast.bola.actor, transaction_id=UUID(made["transaction_id"]))
        rows = receipts._data(cast.bola.actor, view, "0" * 16, cast.now)["rows"]
    assert ["Provider's fee, paid on top", "₦15.23"] in rows


# --- With a saved card ------------------------------------------------------------------------------------------------


def saved_card(stage: Stage, cast: Cast, provider: str = "paystack") -> str:
    made = deposit(cast.client_of(cast.bola), "100.00", provider, save_card=True).json()
    stage.end_reference(provider, made["reference"])
    cast.client_of(cast.bola).post("/payments/verify-payment/", {"reference": made["reference"]})
    (card,) = cast.client_of(cast.bola).get("/members/payment-methods/").json()["results"]
    return str(card["id"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_saved_card_is_charged_at_once(stage: Stage, cast: Cast, provider: str) -> None:
    bola, card = cast.client_of(cast.bola), saved_card(stage, cast, provider)
    answers = [deposit(bola, provider=provider, payment_method_id=card, key="card") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    made = answers[0].json()
    assert (made["status"], made["payment_url"], made["failure"]) == ("completed", None, None)
    assert wallet_balance(cast.bola) == "2600.00"


def test_a_card_is_kept_only_where_it_is_asked_for(stage: Stage, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    made = deposit(bola, "100.00").json()
    stage.end_reference("paystack", made["reference"])
    assert bola.post("/payments/verify-payment/", {"reference": made["reference"]}).json()["status"] == "completed"
    assert bola.get("/members/payment-methods/").json() == {"results": [], "next": None}
    refused(deposit(bola, save_card="yes"), 422, "invalid", "save_card")


def test_a_declined_card_says_why(stage: Stage, cast: Cast) -> None:
    card = saved_card(stage, cast)
    stage.dial(charge__decline=1.0)
    made = deposit(cast.client_of(cast.bola), payment_method_id=card).json()
    assert (made["status"], made["payment_url"]) == ("failed", None)
    assert made["failure"]["message"]
    assert made["failure"]["recovery_options"]


def test_a_card_that_needs_its_owner(stage: Stage, cast: Cast) -> None:
    card = saved_card(stage, cast)
    stage.dial(charge__challenge=1.0)
    made = deposit(cast.client_of(cast.bola), payment_method_id=card).json()
    assert made["status"] == "processing"
    assert made["payment_url"].startswith("http")


def test_a_saved_card_needs_the_pin_where_one_is_set(stage: Stage, cast: Cast) -> None:
    bola, card = cast.client_of(cast.bola), saved_card(stage, cast)
    bola.post(MY_WALLET + "set_pin/", {"pin": "482915"})
    refused(deposit(bola, payment_method_id=card), 422, "pin_required")
    refused(deposit(bola, payment_method_id=card, pin="000111"), 403, "pin_incorrect")
    first, again = (deposit(bola, payment_method_id=card, pin="482915", key="card") for _ in range(2))
    assert (first.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert wallet_balance(cast.bola) == "2600.00"


def test_a_strangers_card(stage: Stage, cast: Cast) -> None:
    card = saved_card(stage, cast)
    for person in (cast.ada, cast.chidi):
        refused(deposit(cast.client_of(person), payment_method_id=card), 404, "payment_method_not_found")
    refused(deposit(cast.client_of(cast.bola), payment_method_id=foreign_id()), 404, "payment_method_not_found")


# --- Back from the provider ------------------------------------------------------------------------------------------


def test_the_browser_that_comes_back_is_not_believed(stage: Stage, cast: Cast) -> None:
    made = deposit(cast.client_of(cast.bola)).json()
    back = f"/pay/return/{made['reference'].lower()}/"
    page = Client().get(back + "?status=success&reference=x&trxref=x")
    assert b"being confirmed" in page.content
    assert wallet_balance(cast.bola) == "0.00"


def test_the_browser_that_comes_back_after_paying_sees_it(stage: Stage, cast: Cast) -> None:
    made = deposit(cast.client_of(cast.bola)).json()
    stage.end_reference("paystack", made["reference"])
    page = Client().get(f"/pay/return/{made['reference'].lower()}/")
    assert b"Your payment arrived" in page.content
    assert wallet_balance(cast.bola) == "2500.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_decline_that_was_followed_by_success_on_the_same_page_is_seen(
    stage: Stage, cast: Cast, provider: str
) -> None:
    made = deposit(cast.client_of(cast.bola), provider=provider).json()
    back = f"/pay/return/{made['reference'].lower()}/"
    stage.end_reference(provider, made["reference"], "insufficient_funds")
    assert b"did not go through" in Client().get(back).content
    stage.end_reference(provider, made["reference"])
    assert b"Your payment arrived" in Client().get(back).content
    assert wallet_balance(cast.bola) == "2500.00"


def test_it_looks_again_by_itself_for_a_while(stage: Stage, cast: Cast) -> None:
    made = deposit(cast.client_of(cast.bola)).json()
    back = f"/pay/return/{made['reference'].lower()}/"
    assert b'http-equiv="refresh"' in Client().get(back).content
    stage.end_reference("paystack", made["reference"])
    assert b'http-equiv="refresh"' not in Client().get(back).content


def test_it_goes_on_to_the_callback_address(stage: Stage, cast: Cast) -> None:
    made = deposit(cast.client_of(cast.bola), callback_url="http://127.0.0.1:8000/app/?from=wallet").json()
    stage.end_reference("paystack", made["reference"])
    onward = Client().get(f"/pay/return/{made['reference'].lower()}/")
    assert onward.status_code == 302
    assert onward["Location"] == (
        f"http://127.0.0.1:8000/app/?from=wallet&reference={made['reference']}&status=completed"
    )


def test_a_return_to_nothing(cast: Cast) -> None:
    assert Client().get(f"/pay/return/{foreign_id()}/").status_code == 404
