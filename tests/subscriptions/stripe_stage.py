"""A shop that sells through Stripe's stand-in, on a clock of its own: subscribe, pay, tell, look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.actor import Actor
from clustr.kit.errors import Refusal
from clustr.kit.outbound import Outbound
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import Payment, StripeCall, StripeObject, Subscription
from clustr.subscriptions.states import Collection
from clustr.subscriptions.vendors import registry
from sandbox import Answer, Dropped, Sandbox
from sandbox.clock import VirtualClock
from sandbox.records import StripeRow
from tests.cast import Cast
from tests.money import prove
from tests.subscriptions.shop import Shop
from tests.subscriptions.stripe_params import complaints_on_the_wire

SECRET = "whsec_sandbox_secret"
ENV = SimpleNamespace(
    STRIPE_SECRET_KEY="sk_test_sandbox",
    STRIPE_WEBHOOK_SECRET=SECRET,
    STRIPE_PREVIOUS_WEBHOOK_SECRET="",
    STRIPE_API_VERSION="",
    STRIPE_URL="http://127.0.0.1:1/stripe",
)
VISA = "4242424242424242"
_stages = count(1)


class StripeWire:
    """Stripe's stand-in behind the wire. `sent`: every request that left, for who wants to look at them; each is judged by the
    parameters that Stripe's own library allows."""

    def __init__(self, now: datetime, *, seed: int = 7, **dials: float) -> None:
        self.clock = VirtualClock(at=now)
        turned = {name.replace("__", "."): value for name, value in dials.items()}
        notify = {"stripe": "http://127.0.0.1:1/payments/webhooks/stripe/"}
        self.sandbox = Sandbox(seed, self.clock, dials=turned, notify=notify)
        self.sandbox.world.store._serial += next(_stages) * 100_000  # Stripe never gives an id twice
        self.sandbox.world.chance.seed += self.sandbox.world.store._serial
        self.sent: list[httpx.Request] = []
        self.holder = registry.StripeHolder(ENV, self._connect)

    def _connect(self, **where: Any) -> Outbound:
        return Outbound(
            timeout_seconds=20,
            transport=httpx.MockTransport(lambda request: self._answer(request)),
            sleep=lambda _seconds: None,
            attempts=1,
            **where,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        wrong = complaints_on_the_wire(request)
        assert wrong == [], f"Stripe would not take {request.method} {request.url.path}: {wrong}"
        answer = self.sandbox.handle(
            request.method, request.url.raw_path.decode(), dict(request.headers), request.content
        )
        if isinstance(answer, Dropped):
            kind = httpx.ReadError if answer.reset else httpx.ReadTimeout
            raise kind("nothing was heard", request=request)
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.sandbox.handle(method, f"/_sandbox{path}", {}, json.dumps(body or {}).encode())
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def dial(self, **values: float) -> None:
        self.control("PUT", "/dials", {name.replace("__", "."): value for name, value in values.items()})

    def heal(self) -> None:
        self.control("POST", "/heal")

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind that is at Stripe."""
        self.sandbox.handle("GET", "/_sandbox/", {}, b"")
        return [row.doc for row in self.sandbox.world.store.all(StripeRow) if row.kind == kind]

    def events(self) -> list[Any]:
        """The webhooks due now, answered as taken in."""
        due = self.sandbox.due_webhooks()
        for delivery in due:
            self.sandbox.delivered(delivery, 200)
        return due


class StripeShop(Shop, StripeWire):
    """The shop, whose clock is the sandbox's too."""

    def __init__(self, cast: Cast, now: datetime, **dials: float) -> None:
        Shop.__init__(self, cast, now)
        StripeWire.__init__(self, now, **dials)

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.clock.move(by=timedelta(**time))

    def until(self, at: datetime, *, step: timedelta = timedelta(hours=6)) -> None:
        """Let time pass, and everything that Stripe tells meanwhile be heard."""
        while self.now < at:
            self.move(seconds=min(step, at - self.now).total_seconds())
            self.hear()

    def hear(self) -> int:
        """Take in what Stripe tells, and act on it; answers how many deliveries there were."""
        deliveries = self.events()
        for delivery in deliveries:
            self.take_in(delivery.body, delivery.headers)
        return len(deliveries)

    def take_in(self, body: bytes, headers: dict[str, str]) -> bool:
        read = commands.read_stripe_notice(raw_body=body, headers=headers, now=self.now)
        return commands.hear_stripe(about=read.provider_id, now=self.now, cluster_id=self.cluster_id)

    def ask(self, call: StripeCall | None) -> StripeCall | None:
        if call is None:
            return None
        return commands.ask_stripe(cluster_id=self.cluster_id, call_id=call.id, now=self.now)

    def begin(self, code: str = "basic", *, actor: Actor | None = None, **terms: Any) -> Subscription:
        """Choose a plan by card, up to Stripe's page."""
        actor = actor or self.bola
        asked = {"interval": "month", "currency": "USD", "collection": Collection.STRIPE, **terms}
        call = commands.begin_subscribing(actor=actor, plan_id=self.plan(code).id, now=self.now, **asked)
        assert call is not None
        self.ask(call)
        with tenant(self.cluster_id):
            return Subscription.objects.get(cluster_id=self.cluster_id, id=call.subscription_id)

    def finish(self, subscription: Subscription, *, card: str = VISA, agree: bool = True) -> Subscription:
        """Do what is to be done on Stripe's page, and hear of it: where it is done, of that alone, since each of the ten notices
        makes us look at all that became of it."""
        page = self.page(subscription)
        self.control("POST", f"/stripe/page/{page}", {"card": card, "agree": agree})
        told = self.events()
        for delivery in [one for one in told if _ends(page, json.loads(one.body))] or told:
            self.take_in(delivery.body, delivery.headers)
        return self.again(subscription)

    def page(self, subscription: Subscription) -> str:
        return self.calls(subscription)[-1].stripe_id

    def by_card(self, code: str = "basic", *, card: str = VISA, **terms: Any) -> Subscription:
        """A subscription that Stripe collects, begun."""
        return self.finish(self.begin(code, **terms), card=card)

    def change(self, subscription: Subscription, code: str, *, interval: str = "month", **terms: Any) -> Subscription:
        call = commands.begin_change(
            actor=self.owner(subscription),
            subscription_id=subscription.id,
            plan_id=self.plan(code).id,
            interval=interval,
            now=self.now,
            **terms,
        )
        self.ask(call)
        return self.again(subscription)

    def cancel(self, subscription: Subscription, *, at_period_end: bool = True) -> Subscription:
        call = commands.begin_cancelling(
            actor=self.owner(subscription),
            subscription_id=subscription.id,
            at_period_end=at_period_end,
            reason="",
            now=self.now,
        )
        self.ask(call)
        return self.again(subscription)

    def keep(self, subscription: Subscription) -> Subscription:
        actor = self.owner(subscription)
        self.ask(commands.begin_reactivating(actor=actor, subscription_id=subscription.id, now=self.now))
        return self.again(subscription)

    def owner(self, subscription: Subscription) -> Actor:
        from dataclasses import replace

        return replace(self.bola, user_id=subscription.user_id)

    def calls(self, subscription: Subscription) -> list[StripeCall]:
        with tenant(self.cluster_id):
            found = StripeCall.objects.filter(cluster_id=self.cluster_id, subscription_id=subscription.id)
            return list(found.order_by("asked_at", "id"))

    def payments(self, subscription: Subscription) -> list[tuple[str, int]]:
        with tenant(self.cluster_id):
            found = Payment.objects.filter(cluster_id=self.cluster_id, subscription_id=subscription.id)
            return [(one.status, one.amount) for one in found.order_by("id")]

    def ask_due(self) -> None:
        """What the job of every minute does."""
        with tenant(self.cluster_id):
            due = StripeCall.objects.filter(cluster_id=self.cluster_id, next_attempt_at__lte=self.now)
            ids: list[tuple[UUID, UUID]] = [(one.cluster_id, one.id) for one in due]
        commands.ask_due_calls(due=ids, now=self.now)

    def night(self) -> dict[str, int]:
        """What the job of every night does."""
        since = self.now - timedelta(days=3)
        return commands.reconcile_subscriptions(since=since, now=self.now, cluster_id=self.cluster_id)

    def agrees(self, subscription: Subscription) -> None:
        """What stands here is what stands at Stripe: status, period, price, and every payment once."""
        mine = self.again(subscription)
        theirs = [doc for doc in self.rows("subscription") if doc["id"] == mine.stripe_subscription_id]
        assert len(theirs) == 1
        item = theirs[0]["items"]["data"][0]
        assert mine.status == theirs[0]["status"]
        assert mine.cancel_at_period_end == theirs[0]["cancel_at_period_end"]
        assert (mine.current_period_start, mine.current_period_end) == tuple(
            datetime.fromtimestamp(item[f"current_period_{end}"], UTC) for end in ("start", "end")
        )
        assert mine.price_minor == item["price"]["unit_amount"]
        mine_ids = {one.stripe_invoice_id: one for one in self.documents(subscription) if one.stripe_invoice_id}
        for doc in self.rows("invoice"):
            parent = doc["parent"]["subscription_details"]["subscription"]
            if parent != mine.stripe_subscription_id or doc["status"] in ("draft", "void") or not doc["subtotal"]:
                continue
            if doc["metadata"].get("pack") and doc["status"] == "open":
                continue
            held = mine_ids[doc["id"]]
            assert held.total == abs(doc["total"]), (held, doc["total"])
            paid = sum(one["amount_paid"] or 0 for one in doc["payments"]["data"] if one["status"] == "paid")
            with tenant(self.cluster_id):
                here = Payment.objects.filter(cluster_id=self.cluster_id, invoice_id=held.id, status="succeeded")
                assert sum(one.amount for one in here) == paid


def buy_units(
    shop: StripeShop, subscription: Subscription, code: str = "ai_responses_500", cause: UUID | None = None
) -> StripeCall:
    """Buy units in advance, by the card in use."""
    call = shop.ask(
        commands.begin_buying_pack(
            actor=shop.owner(subscription), subscription_id=subscription.id, code=code, cause=cause, now=shop.now
        )
    )
    assert call is not None
    return call


def forget_names(cluster_id: UUID = PLATFORM_CLUSTER_ID) -> None:
    """What prices and taxes are called at a stand-in that is there no more: each test has one of its own."""
    with tenant(cluster_id):
        StripeObject.objects.filter(cluster_id=cluster_id).delete()


def refused(act: Any) -> str:
    """The code of the refusal that this ends with."""
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


@pytest.fixture
def stripe_shop(cast: Cast, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StripeShop]:
    """It is 15 June 2026, 10 o'clock in Lagos; Stripe is on. In the end the books are proved, and documents judged."""
    from tests.subscriptions.schematron import check_documents_in_turns  # no other stage of Stripe's needs Saxon

    made = StripeShop(cast, datetime(2026, 6, 15, 9, 0, tzinfo=UTC))
    monkeypatch.setattr(registry, "_holder", lambda: made.holder)
    made.sync()
    yield made
    prove(cast)
    check_documents_in_turns(made, asked=request.node.nodeid)


def _ends(page: str, event: dict[str, Any]) -> bool:
    """Whether this notice says that what was to be done on this page is done."""
    return event["type"] == "checkout.session.completed" and event["data"]["object"]["id"] == page
