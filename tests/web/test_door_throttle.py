"""Limits: so many writes a user, so many requests an address; nobody else is touched, no header helps."""

from __future__ import annotations

import threading
from ipaddress import IPv6Address
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client, RequestFactory

from clustr.audit import commands as audit
from clustr.audit.types import Bucket
from clustr.web.origin import origin_of
from clustr.web.throttle import AddressThrottle
from tests.cast import ApiClient, Cast
from tests.web.test_door_errors import is_problem

NOTE = {"title": "Bins"}


def limit(settings: Any, **limits: int) -> None:
    settings.ENV = django_settings.ENV.model_copy(update=limits)


def an_address() -> str:
    return str(IPv6Address(uuid4().int))


def test_writes_are_limited_and_reads_are_not(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1, THROTTLE_MONEY_BURST=3)
    ada = cast.client_of(cast.ada)
    assert [ada.post(f"{trying}notes/", NOTE).status_code for _ in range(4)] == [201, 201, 201, 429]
    refused = ada.post(f"{trying}notes/", NOTE)
    is_problem(refused, 429, "too_many_requests")
    assert 50 <= int(refused["Retry-After"]) <= 61
    assert ada.get(f"{trying}list/").status_code == 200


def test_another_user_is_not_touched(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1, THROTTLE_MONEY_BURST=1)
    ada, bola = cast.client_of(cast.ada), cast.client_of(cast.bola)
    assert [ada.post(f"{trying}notes/", NOTE).status_code for _ in range(2)] == [201, 429]
    assert bola.post(f"{trying}notes/", NOTE).status_code == 201


def test_refused_requests_count_too(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1, THROTTLE_MONEY_BURST=2)
    ada = cast.client_of(cast.ada)
    body = {"title": "conflict"}
    assert [ada.post(f"{trying}notes/refused/", body).status_code for _ in range(3)] == [409, 409, 429]


def test_a_throttled_request_has_no_effect_and_leaves_no_key(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1, THROTTLE_MONEY_BURST=1)
    ada = cast.client_of(cast.ada)
    ada.post(f"{trying}notes/", NOTE)
    assert ada.post(f"{trying}notes/", NOTE, key="k").status_code == 429
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1000, THROTTLE_MONEY_BURST=100)
    assert "Idempotent-Replayed" not in ada.post(f"{trying}notes/", NOTE, key="k")


def test_sixty_at_once_get_exactly_the_burst(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_MONEY_PER_MINUTE=1, THROTTLE_MONEY_BURST=40)
    token = cast.client_of(cast.bola).headers["Authorization"].removeprefix("Bearer ")
    barrier, answers = threading.Barrier(60), []

    def ask() -> None:
        client = ApiClient(token)
        barrier.wait(30)
        answers.append(client.post(f"{trying}notes/", NOTE).status_code)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers.count(201), answers.count(429)) == (40, 20)


def test_requests_of_an_address_are_limited_whoever_asks(trying: str, cast: Cast, settings: Any) -> None:
    limit(settings, THROTTLE_ADDRESS_PER_MINUTE=3)
    client = Client(REMOTE_ADDR=an_address())
    assert [client.get(f"{trying}list/").status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = client.get("/accounts/login/")
    is_problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused["Retry-After"]) <= 21
    assert client.get("/healthz").status_code == 200
    assert Client(REMOTE_ADDR=an_address()).get(f"{trying}list/").status_code == 401


def test_a_forged_forwarded_address_changes_nothing(trying: str, settings: Any) -> None:
    limit(settings, THROTTLE_ADDRESS_PER_MINUTE=2)
    client = Client(REMOTE_ADDR=an_address())
    answers = [client.get(f"{trying}list/", headers={"X-Forwarded-For": an_address()}).status_code for _ in range(4)]
    assert answers == [401, 401, 429, 429]


def test_one_subscriber_is_one_address(trying: str, settings: Any) -> None:
    limit(settings, THROTTLE_ADDRESS_PER_MINUTE=2)
    net = an_address().rsplit(":", 4)[0]
    answers = [Client(REMOTE_ADDR=f"{net}:1:2:3:{n}").get(f"{trying}list/").status_code for n in range(1, 5)]
    assert answers == [401, 401, 429, 429]


def test_several_processes_share_the_limit_of_an_address() -> None:
    address = an_address()
    processes = [AddressThrottle(1000, audit.take_turn) for _ in range(3)]
    passed = sum(process.seconds_to_wait(address) == 0 for _ in range(700) for process in processes)
    assert 1000 <= passed <= 1000 + 3 * 10 + 30  # one hundredth free in each process, and what flowed back meanwhile


def test_an_ordinary_visitor_costs_no_write_and_a_refused_one_none_either() -> None:
    asked: list[Bucket] = []

    def refuse(bucket: Bucket) -> float:
        asked.append(bucket)
        return 30.0

    throttle = AddressThrottle(20_000, refuse)
    assert [throttle.seconds_to_wait("192.0.2.1") for _ in range(200)] == [0.0] * 200
    assert asked == []
    assert all(throttle.seconds_to_wait("192.0.2.1") > 29 for _ in range(50))
    assert len(asked) == 1


def test_memory_of_addresses_is_bounded() -> None:
    throttle = AddressThrottle(20_000, lambda _bucket: 0.0)
    for number in range(50_100):
        throttle.seconds_to_wait(f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}")
    assert len(throttle._held) <= 50_000


@pytest.mark.parametrize(
    ("remote", "forwarded", "trusted", "found"),
    [
        ("192.0.2.1", "", [], "192.0.2.1"),
        ("192.0.2.1", "203.0.113.5", [], "192.0.2.1"),
        ("10.0.0.1", "203.0.113.5", ["10.0.0.0/8"], "203.0.113.5"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.5", ["10.0.0.0/8"], "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5, 10.0.0.2", ["10.0.0.0/8"], "203.0.113.5"),
        ("10.0.0.1", "1.2.3.4, nonsense", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("::ffff:192.0.2.1", "", [], "192.0.2.1"),
        ("fe80::1%eth0", "", [], "fe80::1"),
        ("", "203.0.113.5", ["10.0.0.0/8"], None),
        ("unix:", "", [], None),
    ],
)
def test_from_where_a_request_came(remote: str, forwarded: str, trusted: list[str], found: str | None) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(headers=headers, REMOTE_ADDR=remote).get("/")
    assert origin_of(request, trusted_proxies=trusted).ip == found


def test_a_client_is_kept_short_and_printable() -> None:
    request = RequestFactory(headers={"User-Agent": "a\x00b\u001b[31m" + "x" * 500}).get("/")
    agent = origin_of(request, trusted_proxies=()).user_agent
    assert agent.startswith("ab[31mxxx")
    assert len(agent) == 200
