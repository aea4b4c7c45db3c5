"""A POST to an address that somebody else chose reaches the public internet, or nothing at all."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from django.db import transaction

from clustr.kit import calling_out
from clustr.kit.calling_out import NotPublic, is_public, post_out, public_address, refuse_private_url
from clustr.kit.outbound import NetworkInTransaction, NothingSent, OutcomeUnknown

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254"),  # noqa: S104
    *("100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.0.8", "198.18.0.1", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1", "fe80::1%eth0", "2001:db8::1"),
]
URLS = [
    *("http://example.com/", "ftp://example.com/", "https://", "https:///x", "//example.com/", "example.com", ""),
    *(
        "https://localhost/",
        "https://localhost./",
        "https://x.internal/",
        "https://printer.local/",
        "https://intranet/",
    ),
    *("https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/", "https://10.1.2.3/"),
    *("https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://1.2.3.256/"),
    *("https://user@example.com/", "https://user:pin@example.com/", "https://example.com@127.0.0.1/"),
    *("https://example.com:22/", "https://example.com:99999/", "https://example.com:5432/", "https://example.com/#x"),
    *(
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://ехample.com/",
        "https://[::ffff:127.0.0.1]/",
    ),
]


def answering(status: int, **headers: str) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """The wire of a receiver that answers with this status."""
    heard: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        return httpx.Response(status, headers=headers)

    return httpx.MockTransport(answer), heard


def post(url: str = "https://estate.example/hook", *, transport: Any = None) -> int:
    return post_out(url=url, content=b"{}", headers={}, seconds=5, transport=transport)


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the name resolves to, one list for each time it is asked: the resolver is the outside world."""
    answers: list[list[str]] = []

    def resolve(_host: str, port: int, **_more: object) -> list[Any]:
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in given]

    monkeypatch.setattr(calling_out.socket, "getaddrinfo", resolve)
    return answers


def test_it_works() -> None:
    transport, heard = answering(204)
    assert post(transport=transport) == 204
    assert (heard[0].method, heard[0].content) == ("POST", b"{}")


@pytest.mark.parametrize("address", PRIVATE)
def test_private_numbers(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_numbers(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", URLS)
def test_what_is_written_badly_is_refused(url: str) -> None:
    with pytest.raises(NotPublic):
        refuse_private_url(url)
    transport, heard = answering(200)
    with pytest.raises(NotPublic):
        post(url, transport=transport)
    assert heard == []


@pytest.mark.parametrize("url", ["https://estate.example/hook?x=1", "https://a.b.example:8443/", "https://8.8.8.8/"])
def test_what_is_written_well(url: str) -> None:
    refuse_private_url(url)


@pytest.mark.parametrize("address", PRIVATE[:7])
def test_a_name_that_leads_inside(resolving: list[list[str]], address: str) -> None:
    resolving.append([address])
    with pytest.raises(NotPublic):
        public_address("estate.example", 443)


def test_a_name_that_leads_also_inside(resolving: list[list[str]]) -> None:
    resolving.append(["8.8.8.8", "127.0.0.1"])
    with pytest.raises(NotPublic):
        public_address("estate.example", 443)


def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(calling_out.socket, "getaddrinfo", nowhere)
    with pytest.raises(NothingSent, match="no_such_host"):
        public_address("estate.example", 443)


def test_the_connection_goes_to_the_address_that_was_checked(
    resolving: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer, which would lead inside, is never asked for."""
    resolving.extend([["203.0.114.7"], ["127.0.0.1"]])
    connected: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NothingSent):
        post()
    assert connected == ["203.0.114.7"]


def test_the_real_way_out_refuses_a_name_of_this_machine(resolving: list[list[str]]) -> None:
    resolving.append(["127.0.0.1"])
    with pytest.raises(NotPublic):
        post()


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    transport, heard = answering(302, Location="http://127.0.0.1/")
    assert post(transport=transport) == 302
    assert len(heard) == 1


def test_not_inside_a_transaction() -> None:
    transport, heard = answering(200)
    with transaction.atomic(), pytest.raises(NetworkInTransaction):
        post(transport=transport)
    assert heard == []


def test_what_may_have_been_heard_is_unknown() -> None:
    def reset(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    with pytest.raises(OutcomeUnknown):
        post(transport=httpx.MockTransport(reset))
