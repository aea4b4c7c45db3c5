"""The one way out: between transactions only, no redirects, no surprises from the machine's environment."""

from __future__ import annotations

import httpx
import pytest
from django.db import transaction

from clustr.kit.outbound import NetworkInTransaction, outbound_client


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/moved":
        return httpx.Response(302, headers={"location": "http://169.254.169.254/"})
    return httpx.Response(200, json={"path": request.url.path})


@pytest.fixture
def client() -> httpx.Client:
    return outbound_client(
        base_url="https://provider.example", timeout_seconds=5, transport=httpx.MockTransport(answer)
    )


def test_it_works(client: httpx.Client) -> None:
    assert client.get("/balance").json() == {"path": "/balance"}


def test_inside_a_transaction_it_refuses(client: httpx.Client) -> None:
    with pytest.raises(NetworkInTransaction), transaction.atomic():
        client.get("/balance")


def test_inside_a_transaction_of_any_connection_it_refuses(client: httpx.Client) -> None:
    with pytest.raises(NetworkInTransaction, match="sweep"), transaction.atomic(using="sweep"):
        client.get("/balance")


def test_redirects_are_not_followed(client: httpx.Client) -> None:
    assert client.get("/moved").status_code == 302
