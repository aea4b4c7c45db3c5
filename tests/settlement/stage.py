"""Payments with the providers' stand-in behind the wire, on a clock of their own: start, pay, tell, ask, look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from clustr.kit.outbound import Outbound
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Case, Exchange, Settlement, Transaction
from clustr.payments.providers import registry
from clustr.payments.queries import due_attempts
from clustr.settlement import commands
from clustr.settlement.types import Checkout
from clustr.wallets import commands as wallets
from sandbox import Answer, Dropped, Sandbox
from sandbox.clock import VirtualClock
from sandbox.hooks import Delivery
from tests.cast import Cast, Person
from tests.money import naira

PROVIDERS = ("paystack", "flutterwave")
KEYS = SimpleNamespace(
    PAYSTACK_SECRET_KEY="sk_test_sandbox",
    PAYSTACK_PREVIOUS_SECRET_KEY="",
    PAYSTACK_URL="http://127.0.0.1:1/paystack",
    FLUTTERWAVE_SECRET_KEY="FLWSECK_TEST-sandbox-X",
    FLUTTERWAVE_WEBHOOK_SECRET="sandbox-secret-hash",
    FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET="",
    FLUTTERWAVE_URL="http://127.0.0.1:1/flutterwave/v3",
)


_stages = count(1)


class Providers:
    """Both providers behind their wire, on a clock of their own."""

    def __init__(self, now: datetime, *, seed: int = 7, **dials: float) -> None:
        self.clock = VirtualClock(at=now)
        turned = {name.replace("__", "."): value for name, value in dials.items()}
        notify = {name: f"http://127.0.0.1:1/payments/webhooks/{name}/" for name in PROVIDERS}
        self.sandbox = Sandbox(seed, self.clock, dials=turned, notify=notify)
        self.sandbox.world.store._serial += next(_stages) * 10_000  # providers never give an id twice
        self.first_serial = self.sandbox.world.store._serial
        self.registry = registry.Registry(
            registry.MAKERS,
            KEYS,
            partial(
                Outbound, timeout_seconds=20, transport=httpx.MockTransport(self._carry), sleep=lambda _seconds: None
            ),
        )

    @property
    def now(self) -> datetime:
        return self.clock()

    def wait(self, **span: float) -> None:
        self.clock.move(by=timedelta(**span))

    def wait_until(self, *, hour: int) -> None:
        """To the next time that it is this hour, of UTC: what is due at an hour then does not depend on the test's own."""
        following = self.now.replace(hour=hour, minute=0, second=0, microsecond=0)
        self.clock.move(by=(following - self.now) % timedelta(days=1))

    def dial(self, **values: float) -> None:
        self._control("PUT", "/dials", {name.replace("__", "."): value for name, value in values.items()})

    def heal(self) -> None:
        self._control("POST", "/heal")

    def end_reference(self, provider: str, reference: str, outcome: str = "success", **more: object) -> Any:
        body = {"provider": provider, "reference": reference.lower(), "outcome": outcome}
        return self._control("POST", "/complete", {**body, **more})

    def ask(self, provider: str, method: str, path: str, body: dict[str, Any]) -> Any:
        """Ask a provider something beside ClustR."""
        prefix = {"paystack": "/paystack", "flutterwave": "/flutterwave/v3"}[provider]
        key = {"paystack": KEYS.PAYSTACK_SECRET_KEY, "flutterwave": KEYS.FLUTTERWAVE_SECRET_KEY}[provider]
        request = httpx.Request(method, "http://x/", json=body)
        answer = self.sandbox.handle(method, prefix + path, {"Authorization": f"Bearer {key}"}, request.content)
        assert isinstance(answer, Answer)
        return httpx.Response(200, content=answer.body).json()

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = httpx.Request(method, "http://x/", json=body or {})
        answer = self.sandbox.handle(method, f"/_sandbox{path}", {}, request.content)
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body
        return httpx.Response(200, content=answer.body).json()

    def _carry(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self.sandbox.handle(
            request.method, request.url.raw_path.decode(), dict(request.headers), request.content
        )
        if isinstance(answer, Dropped):
            kind = httpx.ReadError if answer.reset else httpx.ReadTimeout
            raise kind("nothing was heard", request=request)
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))


def asleep_once(place: str, meanwhile: Callable[[], None]) -> Callable[[str], None]:
    """For `watching`: whoever comes to this place first sleeps there, and this happens meanwhile."""
    slept: list[str] = []

    def reached(here: str) -> None:
        if here == place and not slept:
            slept.append(here)
            meanwhile()

    return reached


class Stage(Providers):
    """The cast's estates, and both providers."""

    def __init__(self, cast: Cast, *, seed: int = 7, **dials: float) -> None:
        super().__init__(cast.now, seed=seed, **dials)
        self.cast = cast

    def deposit(self, person: Person, amount: str = "1000.00", provider: str = "paystack", **more: Any) -> Checkout:
        prepared = commands.prepare_deposit(
            actor=person.actor,
            amount=naira(amount),
            provider=provider,
            callback_url="",
            request=more.get("request"),
            save_card=more.get("save_card", False),
            now=self.now,
        )
        return commands.open_checkout(actor=person.actor, prepared=prepared, now=self.now)

    def pay_bill(
        self,
        person: Person,
        bill_id: UUID,
        amount: str | None = None,
        provider: str = "paystack",
        *,
        save_card: bool = False,
    ) -> Checkout:
        prepared = commands.prepare_bill_payment(
            actor=person.actor,
            bill_id=bill_id,
            amount=naira(amount) if amount else None,
            provider=provider,
            callback_url="",
            request=None,
            save_card=save_card,
            now=self.now,
        )
        return commands.open_checkout(actor=person.actor, prepared=prepared, now=self.now)

    def end(self, checkout: Checkout, outcome: str = "success", **more: object) -> Any:
        """What the payer does on the provider's page."""
        transaction = checkout.transaction
        return self.end_reference(transaction.provider, transaction.reference, outcome, **more)

    def confirm(self, checkout_or_id: Checkout | UUID) -> Transaction:
        id = checkout_or_id if isinstance(checkout_or_id, UUID) else checkout_or_id.transaction.id
        commands.confirm_payment(cluster_id=self.cast.cluster_id, transaction_id=id, now=self.now)
        return self.transaction(id)

    @property
    def cluster_ids(self) -> list[UUID]:
        """The estates whose providers these are."""
        return [self.cast.palm_grove.id, self.cast.lekki.id]

    def hooks(self) -> list[Delivery]:
        """The webhooks that are due, each taken in."""
        due = self.sandbox.due_webhooks()
        for delivery in due:
            self.take(delivery)
            self.sandbox.delivered(delivery, 200)
        return due

    def take(self, delivery: Delivery) -> UUID:
        """One webhook: stored, and acted on."""
        notice = commands.accept_notice(
            provider=delivery.provider,
            raw_body=delivery.body,
            headers=delivery.headers,
            source="127.0.0.1",
            now=self.now,
        )
        commands.handle_notice(notice_id=notice, now=self.now)
        return notice

    def sweep(self) -> int:
        """Ask about whatever of these estates is due."""
        due = [place for place in due_attempts(now=self.now, limit=100_000) if place.cluster_id in self.cluster_ids]
        for place in due:
            commands.confirm_payment(cluster_id=place.cluster_id, transaction_id=place.transaction_id, now=self.now)
        return len(due)

    def send(self, transaction_id: UUID) -> Transaction:
        commands.send_payout(cluster_id=self.cast.cluster_id, transaction_id=transaction_id, now=self.now)
        return self.transaction(transaction_id)

    def transaction(self, id: UUID) -> Transaction:
        with tenant(self.cast.cluster_id):
            return Transaction.objects.get(cluster_id=self.cast.cluster_id, id=id)

    def attempt(self, id: UUID) -> Attempt:
        with tenant(self.cast.cluster_id):
            return Attempt.objects.get(cluster_id=self.cast.cluster_id, id=id)

    def settlements(self) -> list[Settlement]:
        with tenant(self.cast.cluster_id):
            return list(Settlement.objects.filter(cluster_id=self.cast.cluster_id).order_by("id"))

    def cases(self) -> list[Case]:
        with tenant(self.cast.cluster_id):
            return list(Case.objects.filter(cluster_id=self.cast.cluster_id).order_by("id"))

    def heard(self, id: UUID) -> list[str]:
        with tenant(self.cast.cluster_id):
            rows = Exchange.objects.filter(cluster_id=self.cast.cluster_id, transaction_id=id).order_by("id")
            return [f"{row.act}: {row.outcome}" for row in rows]

    def charge_fees(self) -> str:
        return str(wallets.charge_fees_to_cluster(cluster_id=self.cast.cluster_id, now=self.now))


@pytest.fixture
def stage(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(cast)
    monkeypatch.setattr(registry, "_registry", lambda: made.registry)
    yield made
