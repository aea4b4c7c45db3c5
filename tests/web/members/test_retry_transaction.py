"""`POST /members/transactions/{id}/retry/`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast
from tests.money import fund
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
