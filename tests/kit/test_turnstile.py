"""So many calls at once, and no queue before a host that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from clustr.kit.outbound import ASIDE_AT_ONCE, NothingSent, Outbound, OutcomeUnknown
from clustr.kit.turnstile import PATIENCE_SECONDS, SICK_SECONDS, Turnstile, TurnstileFull


class Tick:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def occupied(turnstile: Turnstile) -> Iterator[None]:
    """Somebody else has a place."""
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with turnstile.turn():
            inside.set()
            leave.wait(20)

    thread = threading.Thread(target=stay, daemon=True)
    thread.start()
    assert inside.wait(20)
    yield
    leave.set()
    thread.join(20)


def test_it_works() -> None:
    turnstile = Turnstile(at_once=2)
    with occupied(turnstile), turnstile.turn():
        pass


def test_one_more_is_not_made() -> None:
    turnstile = Turnstile(at_once=1)
    with occupied(turnstile), pytest.raises(TurnstileFull), turnstile.turn():
        pass
    with turnstile.turn():
        pass


def test_who_has_less_time_waits_less() -> None:
    turnstile = Turnstile(at_once=1)
    began = time.monotonic()
    with occupied(turnstile), pytest.raises(TurnstileFull), turnstile.turn(at_most=0.01):
        pass
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_a_place_is_given_back_whatever_happens() -> None:
    turnstile = Turnstile(at_once=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turnstile.turn():
            raise ZeroDivisionError


def test_nobody_waits_before_a_host_that_does_not_answer() -> None:
    tick = Tick()
    turnstile = Turnstile(at_once=1, tick=tick)
    turnstile.not_heard()
    with occupied(turnstile), pytest.raises(TurnstileFull), turnstile.turn():
        pass
    assert turnstile._patience() == 0.0
    tick.now = SICK_SECONDS
    assert turnstile._patience() > 0
    turnstile.not_heard()
    turnstile.heard()
    assert turnstile._patience() > 0


def test_what_was_not_let_through_was_surely_not_sent() -> None:
    inside, leave = threading.Event(), threading.Event()
    asked: list[str] = []

    def hang(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        inside.set()
        leave.wait(20)
        raise httpx.ReadTimeout("silence", request=request)

    host = Outbound(
        base_url="http://127.0.0.1:1",
        headers={},
        timeout_seconds=20,
        transport=httpx.MockTransport(hang),
        at_once=1,
    )
    ended: list[BaseException] = []

    def first() -> None:
        try:
            host.post("charge", body={})
        except OutcomeUnknown as error:
            ended.append(error)

    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    assert inside.wait(20)
    with pytest.raises(NothingSent, match="too_many_at_once"):
        host.post("charge", body={})
    leave.set()
    thread.join(20)
    assert len(ended) == 1
    assert asked == ["POST"]


def test_questions_aside_take_no_place_from_the_others() -> None:
    """Banks that hang keep the places for questions about names, and card payments go on."""
    inside, leave = threading.Semaphore(0), threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/bank":
            inside.release()
            leave.wait(20)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    host = Outbound(
        base_url="http://127.0.0.1:1",
        headers={},
        timeout_seconds=20,
        transport=httpx.MockTransport(answer),
        at_once=1,
    )
    threads = [threading.Thread(target=lambda: host.get("bank", aside=True), daemon=True) for _ in range(ASIDE_AT_ONCE)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=20)
    with pytest.raises(NothingSent, match="too_many_at_once"):
        host.get("bank", aside=True)
    assert host.post("charge", body={}).http_status == 200
    leave.set()
    for thread in threads:
        thread.join(20)
    assert host.get("bank", aside=True).http_status == 200
