"""What the sandbox answers in Stripe's place has every field that Stripe's own samples have, of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox import Answer, Sandbox
from sandbox.clock import VirtualClock
from tests.sandbox.rig import SHARED

SAMPLES = SHARED / "specs/stripe/fixtures3.2026-08.json"
EXPANDED = {"customer", "default_payment_method", "payment_intent", "latest_invoice", "schedule", "subscription"}
"""What is an id here and there an object, as it was asked for."""


class Stripe:
    """A sandbox asked as Stripe is: forms in, JSON out."""

    def __init__(self) -> None:
        self.clock = VirtualClock(at=datetime(2026, 11, 2, 9, tzinfo=UTC))
        self.sandbox = Sandbox(7, self.clock, notify={"stripe": "http://127.0.0.1:1/"})
        self.told: list[dict[str, Any]] = []

    def ask(self, method: str, path: str, form: list[tuple[str, object]] = [], key: str = "") -> Any:  # noqa: B006
        headers = {"Authorization": "Bearer sk_test_sandbox", "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Idempotency-Key": key} if key else {}
        answer = self.sandbox.handle(method, f"/stripe/v1{path}", headers, urlencode(form).encode())
        assert isinstance(answer, Answer)
        return json.loads(answer.body)

    def pass_time(self, **span: float) -> None:
        self.clock.move(by=timedelta(**span))
        self.told += [json.loads(delivery.body) for delivery in self.sandbox.due_webhooks()]

    def live(self) -> Iterator[tuple[str, Any]]:
        """A customer, a card, a trial and what follows; each object as it is answered."""
        customer = self.ask(
            "POST", "/customers", [("email", "bola@palmgrove.test"), ("address[line1]", "1 High Street")]
        )
        yield "customer", customer
        product = self.ask("POST", "/products", [("id", "plan_1"), ("name", "Basic")])
        yield "product", product
        terms = [("product", "plan_1"), ("currency", "usd"), ("unit_amount", 2000), ("recurring[interval]", "month")]
        price = self.ask("POST", "/prices", [*terms, ("lookup_key", "one")])
        yield "price", price
        yield "coupon", self.ask("POST", "/coupons", [("id", "TEN"), ("percent_off", 10), ("duration", "forever")])
        rate = self.ask("POST", "/tax_rates", [("display_name", "VAT"), ("inclusive", "false"), ("percentage", 7.5)])
        yield "tax_rate", rate
        yield (
            "payment_method",
            self.ask("POST", "/payment_methods/pm_card_visa/attach", [("customer", customer["id"])]),
        )
        page = self.ask(
            "POST",
            "/checkout/sessions",
            [
                ("mode", "subscription"),
                ("customer", customer["id"]),
                ("line_items[0][price]", price["id"]),
                ("subscription_data[default_tax_rates][0]", rate["id"]),
                ("discounts[0][coupon]", "TEN"),
                ("success_url", "http://127.0.0.1/"),
            ],
        )
        yield "checkout.session", page
        self.sandbox.handle("POST", f"/_sandbox/stripe/page/{page['id']}", {}, b"{}")
        page = self.ask("GET", f"/checkout/sessions/{page['id']}")
        subscription = self.ask("GET", f"/subscriptions/{page['subscription']}")
        yield "subscription", subscription
        yield "subscription_item", subscription["items"]["data"][0]
        invoice = self.ask("GET", f"/invoices/{page['invoice']}?expand[]=payments.data.payment.payment_intent")
        yield "invoice", invoice
        yield "line_item", invoice["lines"]["data"][0]
        yield "invoice_payment", invoice["payments"]["data"][0]
        yield "payment_intent", invoice["payments"]["data"][0]["payment"]["payment_intent"]
        schedule = self.ask("POST", "/subscription_schedules", [("from_subscription", subscription["id"])])
        yield "subscription_schedule", schedule
        setup = self.ask("POST", "/checkout/sessions", [("mode", "setup"), ("customer", customer["id"])])
        yield "setup_intent", self.ask("GET", f"/setup_intents/{setup['setup_intent']}")
        item = [
            ("customer", customer["id"]),
            ("subscription", subscription["id"]),
            ("amount", 5),
            ("currency", "usd"),
            ("description", "More"),
            ("period[start]", 1),
            ("period[end]", 2),
        ]
        yield "invoiceitem", self.ask("POST", "/invoiceitems", item)


def mismatches(sample: Any, value: Any, at: str = "") -> list[str]:
    """What the sample has and this has not, or of another kind. Null has no kind, and a list only its first."""
    if sample is None or value is None:
        return []
    if isinstance(sample, dict) and isinstance(value, str) and at.rpartition(".")[2] in EXPANDED:
        return []
    if isinstance(sample, dict) and isinstance(value, dict):
        found = [f"{at}.{name} is missing" for name in sample.keys() - value.keys() if not at]
        return found + [
            wrong
            for name in sample.keys() & value.keys()
            for wrong in mismatches(sample[name], value[name], f"{at}.{name}")
        ]
    if isinstance(sample, list) and isinstance(value, list):
        return mismatches(sample[0], value[0], f"{at}[]") if sample and value else []
    numbers = isinstance(sample, int | float) and isinstance(value, int | float)
    same = type(sample) is type(value) or (numbers and not isinstance(sample, bool) and not isinstance(value, bool))
    return [] if same else [f"{at} is {type(value).__name__}, in the sample {type(sample).__name__}"]


def test_it_works() -> None:
    if not SAMPLES.exists():
        pytest.skip("Stripe's samples are not on this machine")
    samples = json.loads(SAMPLES.read_text())["resources"]
    stripe, wrong, seen = Stripe(), [], set()
    for kind, answered in stripe.live():
        assert answered.get("object") == kind, answered
        wrong += [f"{kind}{one}" for one in mismatches(samples[kind], answered)]
        seen.add(kind)
    stripe.pass_time(days=32)
    stripe.pass_time(hours=2)
    for event in stripe.told:
        wrong += [f"event{one}" for one in mismatches({**samples["event"], "data": None}, event)]
        about = event["data"]["object"]
        wrong += [f"{event['type']}{one}" for one in mismatches(samples[about["object"]], about)]
    assert wrong == []
    assert len(seen) == 16
    types = {event["type"] for event in stripe.told}
    assert {"customer.subscription.updated", "invoice.paid", "checkout.session.completed"} <= types


def test_a_key_does_a_thing_once() -> None:
    stripe = Stripe()
    made = [stripe.ask("POST", "/customers", [("email", "a@b.test")], key="one")["id"] for _ in range(2)]
    assert made[0] == made[1]
    other = stripe.ask("POST", "/customers", [("email", "c@d.test")], key="one")
    assert other["error"]["type"] == "idempotency_error"
    stripe.pass_time(hours=25)
    assert stripe.ask("POST", "/customers", [("email", "a@b.test")], key="one")["id"] != made[0]
