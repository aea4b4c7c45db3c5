"""`/members/utilities/`: find, validate, quote, buy, read, have the token again; and that a number and a token leak nowhere."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from secrets import choice
from string import ascii_uppercase, digits
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from clustr.kit.tenancy import tenant
from clustr.utilities.models import Validation
from tests.canaries import stored
from tests.cast import ApiClient, Cast
from tests.listening import Listener
from tests.money import fund
from tests.utilities.counter import CABLE, METER, POSTPAID, PREPAID, Counter, counter
from tests.web.asking import refused

__all__ = ["counter"]
pytestmark = pytest.mark.usefixtures("books")

MINE = "/members/utilities/"
CARD = "4000056655665556"


@pytest.fixture
def bola(counter: Counter, cast: Cast) -> ApiClient:
    fund(cast, cast.bola, "10000.00")
    return cast.client_of(cast.bola)


def named(counter: Counter, number: str = METER, code: str = PREPAID, **more: Any) -> dict[str, Any]:
    return {"provider_id": str(counter.provider(code).id), "customer_id": number, **more}


def validated(client: ApiClient, counter: Counter, number: str = METER, code: str = PREPAID) -> Any:
    return client.post(MINE + "validate_customer/", named(counter, number, code)).json()


def bought(client: ApiClient, counter: Counter, amount: str = "2000.00", **more: Any) -> Any:
    validated(client, counter)
    return client.post(MINE + "pay/", named(counter, amount=amount, **more))


def test_it_works(counter: Counter, bola: ApiClient) -> None:
    sold = bola.get(MINE + "providers/", {"service_type": "electricity_utility"}).json()["results"]
    assert {row["provider_type"] for row in sold} == {"electricity_utility"}
    assert str(counter.provider().id) in {row["id"] for row in sold}
    whose = validated(bola, counter)
    assert (whose["status"], whose["ending"]) == ("confirmed", METER[-4:])
    assert whose["customer_name"]
    again = bola.get(f"{MINE}validations/{whose['id']}/").json()
    assert again == whose
    quoted = bola.post(MINE + "quote/", named(counter, amount="2000.00")).json()
    assert (quoted["amount"], quoted["fee"], quoted["total"]) == ("2000.00", "100.00", "2100.00")
    answer = bola.post(MINE + "pay/", {"amount": "2000.00", "quote_id": quoted["id"]}, key="buy")
    assert answer.status_code == 202
    made = answer.json()
    assert (made["status"], made["token"], made["total"]) == ("pending", None, "2100.00")
    counter.vend(UUID(made["id"]))
    delivered = bola.get(f"{MINE}purchases/{made['id']}/").json()
    assert delivered["status"] == "completed"
    assert delivered["token"] == counter.vends()[0]["token"] != ""
    (bill,) = bola.get(MINE + "bills/").json()["results"]
    assert (bill["id"], bill["status"], bill["purchase"]) == (made["bill_id"], "paid", delivered)
    sent = bola.post(f"{MINE}purchases/{made['id']}/resend_token/")
    assert (sent.status_code, sent.json()) == (202, {"purchase_id": made["id"], "is_sent": True})
    repeated = bola.post(MINE + "pay/", {"amount": "2000.00", "quote_id": quoted["id"]}, key="buy")
    assert (repeated.json(), repeated["Idempotent-Replayed"]) == (made, "true")
    assert len(counter.vends()) == 1


def test_a_saved_number_is_bought_for(counter: Counter, bola: ApiClient) -> None:
    validated(bola, counter)
    saved = bola.post(MINE + "accounts/", named(counter, label="Flat"))
    assert saved.status_code == 201
    (mine,) = bola.get(MINE + "accounts/").json()["results"]
    assert mine == saved.json()
    assert (mine["label"], mine["ending"]) == ("Flat", METER[-4:])
    buying = {"amount": "2000.00", "account_id": mine["id"]}
    assert bola.post(MINE + "quote/", buying).json()["account_id"] == mine["id"]
    assert bola.post(MINE + "pay/", buying).status_code == 202
    refused(bola.delete(f"{MINE}accounts/{mine['id']}/"), 409, "purchase_under_way")
    counter.vend(counter.undecided()[0])
    assert bola.delete(f"{MINE}accounts/{mine['id']}/").json() == {"removed": True}
    assert bola.get(MINE + "accounts/").json()["results"] == []


def expire(cast: Cast) -> None:
    """Every validation was ten minutes ago."""
    then = cast.now - timedelta(minutes=30)
    with tenant(cast.cluster_id):
        asked = Validation.objects.filter(cluster_id=cast.cluster_id)
        asked.update(asked_at=then, expires_at=then + timedelta(minutes=10))


def test_the_utility_is_asked_about_a_saved_number_when_it_is_needed(
    counter: Counter, bola: ApiClient, cast: Cast
) -> None:
    """Nobody has to type a whole meter number again. A number that was only typed has to be validated first."""
    validated(bola, counter)
    mine = bola.post(MINE + "accounts/", named(counter, label="Flat")).json()
    expire(cast)
    refused(bola.post(MINE + "pay/", named(counter, amount="2000.00")), 409, "validation_needed")
    whose = bola.post(MINE + "validate_customer/", {"account_id": mine["id"]}).json()
    assert (whose["status"], whose["ending"]) == ("confirmed", METER[-4:])
    buying = {"amount": "2000.00", "account_id": mine["id"]}
    for what, status in (("quote/", 200), ("pay/", 202)):
        expire(cast)
        assert bola.post(MINE + what, buying).status_code == status
    counter.vend(counter.undecided()[0])
    expire(cast)
    counter.dial(any__error_before=1)
    refused(bola.post(MINE + "pay/", buying), 409, "validation_pending")
    stranger = cast.client_of(cast.ada)
    for what in ("validate_customer/", "quote/", "pay/"):
        sent = {"account_id": mine["id"]} | ({} if what == "validate_customer/" else {"amount": "2000.00"})
        refused(stranger.post(MINE + what, sent), 404, "utility_account_not_found")


@pytest.mark.parametrize("what", ["quote/", "pay/"])
@pytest.mark.parametrize(("left_out", "field"), [("customer_id", "customer_id"), ("provider_id", "provider_id")])
def test_half_a_number_is_none(counter: Counter, bola: ApiClient, what: str, left_out: str, field: str) -> None:
    body = named(counter, amount="2000.00")
    body.pop(left_out)
    answer = bola.post(MINE + what, body)
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, "required")]


def test_no_number_at_all(bola: ApiClient) -> None:
    answer = bola.post(MINE + "validate_customer/", {})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "provider_id")


def test_a_number_is_not_named_twice(counter: Counter, bola: ApiClient) -> None:
    answer = bola.post(MINE + "quote/", named(counter, amount="2000.00", account_id=str(uuid4())))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "one_of"


@pytest.mark.parametrize("number", ["", "12 34 ", "x" * 41, "12\n34567", "Ada's", CARD])
def test_what_is_no_number(counter: Counter, bola: ApiClient, number: str) -> None:
    answer = bola.post(MINE + "validate_customer/", named(counter, number))
    assert answer.status_code == 422
    assert CARD not in answer.content.decode()


def test_nobodys_meter(counter: Counter, bola: ApiClient) -> None:
    refused(bola.post(MINE + "validate_customer/", named(counter, "04512340000")), 422, "meter_not_found")
    card = named(counter, "1234560000", CABLE)
    refused(bola.post(MINE + "validate_customer/", card), 422, "invalid_customer")


def test_not_validated(counter: Counter, bola: ApiClient) -> None:
    refused(bola.post(MINE + "pay/", named(counter, amount="2000.00")), 409, "validation_needed")


def test_more_than_there_is(counter: Counter, bola: ApiClient) -> None:
    refused(bought(bola, counter, "9950.00"), 402, "insufficient_funds")
    assert counter.vends() == []


def test_out_of_bounds(counter: Counter, bola: ApiClient) -> None:
    refused(bought(bola, counter, "1.00"), 422, "amount_out_of_range")


def test_the_same_while_it_is_under_way(counter: Counter, bola: ApiClient) -> None:
    assert bought(bola, counter).status_code == 202
    refused(bought(bola, counter), 409, "purchase_under_way")


def test_why_it_waits_and_why_it_was_not_sold(counter: Counter, bola: ApiClient) -> None:
    counter.dial(bill__late_token=1)
    made = UUID(bought(bola, counter).json()["id"])
    counter.vend(made)
    counter.ask(made)
    waits = bola.get(f"{MINE}purchases/{made}/").json()
    assert (waits["waits_for"], waits["failure"]) == ("TOKEN_DELAYED", None)
    assert (waits["waiting"]["type"], waits["waiting"]["recovery_options"]) == (
        "TOKEN_DELAYED",
        ["wait", "contact_office"],
    )
    assert "its token is late" in waits["waiting"]["message"]
    counter.refuse_purchases("Daily limit exceeded for this customer")
    refused_one = UUID(bought(bola, counter, "1000.00").json()["id"])
    counter.vend(refused_one)
    ended = bola.get(f"{MINE}purchases/{refused_one}/").json()
    assert (ended["status"], ended["waiting"]) == ("failed", None)
    assert ended["failure"] == {
        "type": "LIMIT_EXCEEDED",
        "message": "It is more than the utility sells at once, or within a day.",
        "retryable": True,
        "recovery_options": ["change_amount", "buy_again"],
    }


def test_no_token_yet(counter: Counter, bola: ApiClient) -> None:
    made = bought(bola, counter).json()
    refused(bola.post(f"{MINE}purchases/{made['id']}/resend_token/"), 409, "token_not_ready")


def test_the_bill_is_paid_by_its_purchase_alone(counter: Counter, bola: ApiClient) -> None:
    made = bought(bola, counter).json()
    refused(bola.post("/members/bills/pay_bill/", {"bill_id": made["bill_id"]}), 409, "bill_managed_by_member")
    counter.vend(UUID(made["id"]))
    refused(bola.post("/members/bills/pay_bill/", {"bill_id": made["bill_id"]}), 409, "bill_managed_by_member")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Everything that production would have logged, at its most talkative."""
    root, listener, out = logging.getLogger(), Listener(), io.StringIO()
    listener.attach()
    root.removeHandler(listener)
    handler, level = logging.StreamHandler(out), root.level
    handler.setFormatter(listener.formatter)
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


def fresh_number(shape: str) -> str:
    """A number of which nothing that is kept has the like: a digit for each 9, a letter for each A."""
    drawn = {"9": digits, "A": ascii_uppercase[6:]}  # none of base 16, in which what is sealed is shown
    while True:
        number = "".join(choice(drawn[place]) for place in shape[:-1]) + "1"
        if not stored(number):
            return number


def have_it_named(counter: Counter, number: str) -> None:
    """The service names the number in every text of its answers."""
    healthy = counter._answer

    def answer(request: httpx.Request) -> httpx.Response:
        told = healthy(request)
        body = told.read()
        if not body.startswith(b"{") or not body.endswith(b"}"):
            return httpx.Response(told.status_code, headers=told.headers, stream=httpx.ByteStream(body))
        content = json.loads(body)
        content["message"] = f"{content['message']} for {number}"
        if "/bills/" in request.url.path and isinstance(content.get("data"), dict):
            content["data"]["message"] = f"{content['data'].get('message', 'Done')}, customer {number}"
        return httpx.Response(told.status_code, stream=httpx.ByteStream(json.dumps(content).encode()))

    counter._answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("trouble", "code", "shape"),
    [
        ("", PREPAID, "9" * 11),
        ("bill__timeout_after", PREPAID, "9" * 11),
        ("bill__html_after", PREPAID, "9" * 13),
        ("bill__late_token", PREPAID, "9" * 11),
        ("bill__refused", POSTPAID, "9" * 8),
        ("bill__failed", POSTPAID, "9" * 8),
        ("bill__timeout_after", CABLE, "A" * 6),
    ],
)
def test_number_and_token_stand_nowhere_in_clear(
    counter: Counter, bola: ApiClient, cast: Cast, written: io.StringIO, trouble: str, code: str, shape: str
) -> None:
    """Not in a table, a job, a notice, a mail that waits, a log; and the office is not told."""
    number = fresh_number(shape)
    have_it_named(counter, number)
    whose = validated(bola, counter, number, code)
    assert whose["status"] == "confirmed"
    bola.post(MINE + "accounts/", named(counter, number, code, label="Flat"))
    quoted = bola.post(MINE + "quote/", named(counter, number, code, amount="2000.00")).json()
    counter.dial(**({trouble: 1.0} if trouble else {}))
    made = bola.post(MINE + "pay/", {"amount": "2000.00", "quote_id": quoted["id"]}, key="canary").json()
    counter.vend(UUID(made["id"]))
    counter.heal()
    for minutes in (1, 5, 20):
        counter.wait(minutes=minutes)
        counter.ask(UUID(made["id"]))
    counter.hooks()
    bola.post(f"{MINE}purchases/{made['id']}/resend_token/", key="once more")
    told = bola.get(f"{MINE}purchases/{made['id']}/").json()
    in_vain = trouble.endswith(("refused", "failed"))
    assert told["status"] == ("failed" if in_vain else "completed")
    receipt = bola.get(f"/members/transactions/{made['id']}/receipt/")
    assert receipt.status_code == (409 if in_vain else 200)
    office = cast.client_of(cast.ada)
    seen = "".join(
        office.get(f"/management/payments/{what}").content.decode()
        for what in ("utility_payments/", "transactions/", "audit/", "cluster_wallet/")
    )
    secrets = [number, *([told["token"], told["token"].replace("-", "")] if told["token"] else [])]
    assert {secret: stored(secret) for secret in secrets} == {secret: [] for secret in secrets}
    log = written.getvalue()
    assert "provider_call" in log
    assert [secret for secret in secrets if secret in log or secret in seen] == []
