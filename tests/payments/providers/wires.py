"""Fakes at the providers' wire: what they remember, in words of ours, and the ways a wire can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

import httpx

from clustr.kit.money import Money
from clustr.kit.outbound import Outbound
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import Maker

EMAIL = "bola@palmgrove.example"
CARD = "5399830000000008"
"""A card number that must never be seen on our side, whole or by its first six digits."""
CREATED_AT, PAID_AT = "2026-03-01T10:00:00.000Z", "2026-03-01T10:04:05.000Z"
SETTINGS = SimpleNamespace(
    PAYSTACK_SECRET_KEY="sk_test_canary0000000000000001",
    PAYSTACK_PREVIOUS_SECRET_KEY="sk_test_canary0000000000000000",
    PAYSTACK_URL="https://paystack.example",
    FLUTTERWAVE_SECRET_KEY="FLWSECK_TEST-canary0000000001-X",
    FLUTTERWAVE_WEBHOOK_SECRET="canary-webhook-secret-2",
    FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET="canary-webhook-secret-1",
    FLUTTERWAVE_URL="https://flutterwave.example/v3",
    TOY_KEY="canary-toy-key",
)
TOKEN = "canary-saved-token"


def ngn(minor: int) -> Money:
    return Money(minor, "NGN")


def reference() -> str:
    return str(uuid4())


@dataclass
class FakeCharge:
    """A charge as its provider knows it. `state`: paid, waiting, declined, or what the wire should say verbatim."""

    reference: str
    amount: Money
    state: str = "waiting"
    fee: Money | None = None
    payer_bears_fee: bool = False
    said: str = ""
    id: int = 0
    created_at: str = CREATED_AT

    @property
    def charged(self) -> Money:
        return self.amount + self.fee if self.payer_bears_fee and self.fee else self.amount


@dataclass
class FakeMove:
    """A refund, a payout or a settlement."""

    reference: str
    amount: Money
    state: str = "waiting"
    charge_id: int = 0
    fee: int = 0
    id: int = 0


@dataclass
class Wire:
    """One provider behind its wire. A subclass says how it speaks."""

    charges: list[FakeCharge] = field(default_factory=list)
    refunds: list[FakeMove] = field(default_factory=list)
    payouts: list[FakeMove] = field(default_factory=list)
    settlements: list[FakeMove] = field(default_factory=list)
    held: list[Money] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    fault: Callable[[httpx.Request], httpx.Response | None] | None = None
    spoil: Callable[[Any], Any] | None = None
    """Changes an answer before it is sent."""
    last_id: int = 7000

    maker: ClassVar[Maker]

    def provider(self) -> PaymentProvider:
        made = self.maker(SETTINGS, self.connect)
        assert made is not None
        return made

    @property
    def connect(self) -> Any:
        transport = httpx.MockTransport(self.handle)
        return partial(Outbound, timeout_seconds=20, transport=transport, sleep=self.slept.append)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        failed = self.fault(request) if self.fault else None
        if failed is not None:
            return failed
        body = json.loads(request.content, parse_float=Decimal) if request.content else {}
        path = request.url.raw_path.decode().partition("?")[0]
        answer = self.answer(request.method, path, dict(request.url.params), body)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return reply(status, self.spoil(content) if self.spoil else content)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        raise NotImplementedError

    def headers_for(self, body: bytes, *, rotated: bool = False) -> dict[str, str]:
        """What marks these bytes as the provider's; with the key before this one, if `rotated`."""
        raise NotImplementedError

    def news_of(self, charge: FakeCharge) -> dict[str, Any]:
        raise NotImplementedError

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def add(self, charge: FakeCharge) -> FakeCharge:
        charge.id = charge.id or self.new_id()
        self.charges.append(charge)
        return charge

    def charge(self, reference: str) -> FakeCharge | None:
        return next((charge for charge in self.charges if charge.reference == reference), None)

    def charge_of(self, id: str) -> FakeCharge | None:
        return next((charge for charge in self.charges if str(charge.id) == id), None)


def reply(status: int, content: Any) -> httpx.Response:
    """A JSON answer whose decimals are written as they are."""
    return streamed(status, written(content), **{"content-type": "application/json"})


def streamed(status: int, text: str, **headers: str) -> httpx.Response:
    """An answer that is still to be read, as from a socket."""
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(text.encode()))


def written(content: Any) -> str:
    """JSON, decimals digit for digit."""
    marked: dict[str, str] = {}

    def mark(number: Any) -> str:
        name = f"@{len(marked)}@"
        marked[name] = f"{number:f}"
        return name

    text = json.dumps(content, default=mark)
    for name, digits in marked.items():
        text = text.replace(f'"{name}"', digits)
    return text


def dropped(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("canary in the text of a library's exception", request=request)

    return fail


def answered(status: int, text: str, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: streamed(status, text, **headers)


def strings_in(value: Any) -> Iterator[str]:
    """Every text in a structure, keys too."""
    if isinstance(value, dict):
        for name, held in value.items():
            yield str(name)
            yield from strings_in(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from strings_in(held)
    else:
        yield str(value)
