"""`POST /members/transactions/{id}/retry/`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.cast import Cast
from tests.money import fund
from tests.races import race
from tests.settlement.stage import PROVIDERS, Stage
from tests.web.asking import MY_WALLET, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")


def retry(cast: Cast, transaction_id: str, name: str = "bola") -> Any:
    return cast.client_of(getattr(cast, name)).post(f"/members/transactions/{transaction_id}/retry/")


def deposit(cast: Cast) -> str:
    fund(cast, cast.bola, "10.00")
    listed = cast.client_of(cast.bola).get(MY_WALLET + "transactions/").json()["results"]
    return str(listed[0]["id"])


def test_only_failed_payments_through_a_provider(cast: Cast) -> None:
    refused(retry(cast, deposit(cast)), 409, "transaction_not_retryable")


@pytest.mark.parametrize("name", ["ada", "efe", "chidi", "dayo"])
def test_somebody_elses_is_not_found(cast: Cast, name: str) -> None:
    refused(retry(cast, deposit(cast), name), 404, "transaction_not_found")


def test_an_unknown_one_is_not_found(cast: Cast) -> None:
    refused(retry(cast, foreign_id()), 404, "transaction_not_found")
    assert retry(cast, "1").status_code == 404


def failed(stage: Stage, cast: Cast, provider: str = "paystack") -> str:
    checkout = stage.deposit(cast.bola, "100.00", provider)
    stage.end(checkout, "insufficient_funds")
    stage.confirm(checkout)
    return str(checkout.transaction.id)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    answer = retry(cast, failed(stage, cast, provider))
    assert answer.status_code == 201
    assert answer.json()["payment_url"].startswith("http")
    assert answer.json()["surcharge"] == "0.00"


def test_asked_twice_there_is_one_page_to_pay_on(stage: Stage, cast: Cast) -> None:
    first = failed(stage, cast)
    made, again = retry(cast, first).json(), retry(cast, first).json()
    assert (again["id"], again["payment_url"]) == (made["id"], made["payment_url"])


def test_asked_by_many_at_once_there_is_one(stage: Stage, cast: Cast) -> None:
    first = failed(stage, cast)
    ended = race([lambda: retry(cast, first)] * 8)
    told = [answer.json() for answer in ended.results if answer.status_code == 201]
    assert len({one["id"] for one in told}) == 1
    assert {answer.status_code for answer in ended.results} <= {201, 409}


def test_when_that_failed_too_there_is_another(stage: Stage, cast: Cast) -> None:
    first = failed(stage, cast)
    second = retry(cast, first).json()
    stage.end_reference("paystack", second["reference"], "insufficient_funds")
    stage.confirm(UUID(second["id"]))
    third = retry(cast, first).json()
    assert third["id"] not in (first, second["id"])
    stage.end_reference("paystack", third["reference"])
    stage.confirm(UUID(third["id"]))
    refused(retry(cast, first), 409, "transaction_not_retryable")
