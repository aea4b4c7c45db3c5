"""What our adapter is told by our stand-in for Stripe is what somebody else's tells it, where that one is able.

What it is not able to judge is a table in docs/proof.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from clustr.payments.providers.port import NoticeRefused
from clustr.subscriptions.schedule import Anchor, period_at
from clustr.subscriptions.types import MONTHLY, YEARLY
from clustr.subscriptions.vendors.nouns import StripeInvoice, StripeKnowsNot, StripeRefused, StripeSubscription
from clustr.subscriptions.vendors.stripe_service import StripeService
from tests.subscriptions.second_judge import SECRET, SecondJudge, running
from tests.subscriptions.stripe_stage import StripeWire

NUMBERS = {"pm_card_authenticationRequired": "4000002760003184"}
"""Cards that localstripe knows by their number, and not by Stripe's name for them."""


@dataclass
class Side:
    """One of the two: our adapter at it, and what the scene asks of it beside the adapter."""

    service: StripeService
    price: Callable[[int, str], str]
    judge: SecondJudge | None = None
    made: int = 0

    def key(self) -> str:
        self.made += 1
        return f"key-{self.made}"

    def customer(self) -> str:
        return self.service.create_customer(
            email="bola@palmgrove.test",
            name="Bola Ade",
            reference="bola",
            address={"line1": "1 Marina", "city": "Lagos", "country": "NG"},
            key=self.key(),
        )

    def card(self, customer_id: str, name: str = "pm_card_visa") -> str:
        """A card of the customer, from which is taken now on."""
        if self.judge and name in NUMBERS:
            form = {"number": NUMBERS[name], "exp_month": "12", "exp_year": "2030", "cvc": "123"}
            card = {f"card[{word}]": value for word, value in form.items()}
            name = str(self.judge.ask("/v1/payment_methods", {"type": "card", **card})["id"])
        held = self.service._ask(
            lambda: self.service._v1.payment_methods.attach(
                name, {"customer": customer_id}, {"idempotency_key": self.key()}
            )
        )
        self.service.use_method(customer_id=customer_id, method_id=held["id"], key=self.key())
        return str(held["id"])

    def subscribe(
        self, minor: int, *, card: str = "pm_card_visa", tax: bool = True, **terms: Any
    ) -> StripeSubscription:
        customer_id = self.customer()
        rate = self.service.create_tax_rate(country="NG", basis_points=750, key=self.key()) if tax else ""
        return self.service.create_subscription(
            customer_id=customer_id,
            price_id=self.price(minor, "month"),
            method_id=self.card(customer_id, card),
            reference="ours",
            trial_end=terms.get("trial_end"),
            tax_rate_id=rate,
            coupon_id="",
            key=self.key(),
        )

    def again(self, subscription: StripeSubscription) -> StripeSubscription:
        return self.service.fetch_subscription(subscription_id=subscription.id)

    def invoices(self, subscription: StripeSubscription) -> list[StripeInvoice]:
        ids = self.service.invoices_of(subscription_id=subscription.id)
        return [self.service.fetch_invoice(invoice_id=one) for one in ids]


@pytest.fixture(scope="module")
def judge() -> Iterator[SecondJudge]:
    with running() as made:
        yield made


@pytest.fixture
def sides(judge: SecondJudge) -> tuple[Side, Side]:
    """Ours and the other's, at the same second."""
    wire = StripeWire(now())
    service = wire.holder.service()

    def price(minor: int, interval: str) -> str:
        key = f"{minor}:{interval}"
        return service.ensure_price(
            product_id="prod_judged", name="Judged", interval=interval, currency="USD", minor=minor, key=key
        )

    return Side(service, price), Side(judge.service, judge.price, judge)


def now() -> datetime:
    """The second it is, by the real clock, which localstripe lives by."""
    return datetime.fromtimestamp(int(time.time()), UTC)


def sums(invoice: StripeInvoice) -> tuple[Any, ...]:
    """What an invoice comes to, line by line, and what became of it."""
    lines = sorted((line.amount, line.tax, line.discount, line.quantity) for line in invoice.lines)
    paid = [one.status for one in invoice.payments]
    return invoice.status, invoice.currency, invoice.subtotal, invoice.tax, invoice.total, lines, paid


def agree(sides: tuple[Side, Side], tell: Callable[[Side], Any]) -> Any:
    """Both are asked the same, and answer the same."""
    ours, other = (tell(side) for side in sides)
    assert ours == other
    return ours


def test_customers_and_cards(sides: tuple[Side, Side]) -> None:
    def tell(side: Side) -> Any:
        said: list[Any] = []
        customer_id = side.customer()
        cards = [side.card(customer_id), side.card(customer_id)]
        methods = side.service.list_methods(customer_id=customer_id)
        said.append(sorted((one.kind, one.brand, one.last4, one.is_default, one.id in cards) for one in methods))
        side.service.forget_method(method_id=cards[0], key=side.key())
        said.append([one.id == cards[1] for one in side.service.list_methods(customer_id=customer_id)])
        for refused in (
            lambda: side.card(customer_id, "pm_card_visa_chargeDeclined"),
            lambda: side.service.fetch_subscription(subscription_id="sub_nobody"),
        ):
            with pytest.raises(StripeRefused) as caught:
                refused()
            said.append((caught.value.http_status, isinstance(caught.value, StripeKnowsNot)))
        side.service.delete_customer(customer_id=customer_id)
        return said

    assert agree(sides, tell)[0][0] == ("card", "visa", "4242", False, True)


@pytest.mark.parametrize(
    ("card", "standing", "became"),
    [
        ("pm_card_visa", "active", ("paid", ["succeeded"])),
        ("pm_card_chargeCustomerFail", "incomplete", ("open", ["failed"])),
        ("pm_card_authenticationRequired", "incomplete", ("open", ["pending"])),
    ],
)
def test_a_first_payment(sides: tuple[Side, Side], card: str, standing: str, became: tuple[str, list[str]]) -> None:
    def tell(side: Side) -> Any:
        made = side.subscribe(2000, card=card)
        (invoice,) = side.invoices(made)
        here = [made.currency, made.interval, made.price_minor, invoice.subscription_id == made.id]
        return made.status, sums(invoice), here, len(side.service.list_subscriptions(customer_id=made.customer_id))

    status, invoice, *_ = agree(sides, tell)
    assert (status, (invoice[0], invoice[-1]), invoice[4]) == (standing, became, 2150)


def test_a_declined_card_is_replaced(sides: tuple[Side, Side]) -> None:
    def tell(side: Side) -> Any:
        made = side.subscribe(2000, card="pm_card_chargeCustomerFail")
        (invoice,) = side.invoices(made)
        card = side.card(made.customer_id)
        side.service.update_subscription(subscription_id=made.id, method_id=card, change="card", key=side.key())
        paid = side.service.process_payment(invoice_id=invoice.id, key=side.key())
        with pytest.raises(StripeRefused):
            side.service.process_payment(invoice_id=invoice.id, key=side.key())
        return side.again(made).status, paid.status, paid.total

    assert agree(sides, tell) == ("active", "paid", 2150)


def test_a_trial_charges_nothing(sides: tuple[Side, Side]) -> None:
    ends = now() + timedelta(days=14)

    def tell(side: Side) -> Any:
        made = side.subscribe(5000, trial_end=ends)
        return made.trial_end, side.invoices(made)

    assert agree(sides, tell) == (ends, [])


def test_a_change_in_the_same_second(sides: tuple[Side, Side]) -> None:
    """All that was paid comes back: a month for a dearer month, previewed; a month for a year, previewed and done."""

    def tell(side: Side) -> Any:
        made = side.subscribe(2000, tax=False)
        terms: dict[str, Any] = {"subscription": made, "proration_date": made.period_start}
        dearer = side.service.preview_change(price_id=side.price(5000, "month"), anew=False, **terms)
        yearly = side.price(20_000, "year")
        shown = side.service.preview_change(price_id=yearly, anew=True, **terms)
        changed = side.service.update_subscription(
            subscription_id=made.id,
            item_id=made.item_id,
            price_id=yearly,
            proration_date=made.period_start,
            anew=True,
            change="year",
            key=side.key(),
        )
        newest = max(side.invoices(made), key=lambda one: one.total)
        lasts = changed.period_end - changed.period_start
        return (
            [(one.total, sorted(line.amount for line in one.lines)) for one in (dearer, shown)],
            (changed.status, changed.interval, changed.price_minor, lasts),
            sums(newest),
        )

    previews, _, charged = agree(sides, tell)
    assert previews == [(3000, [-2000, 5000]), (18_000, [-2000, 20_000])]
    assert (charged[0], charged[4]) == ("paid", 18_000)


def test_cancelling(sides: tuple[Side, Side]) -> None:
    def tell(side: Side) -> Any:
        made = side.subscribe(2000)
        said: list[Any] = []
        for wanted in (True, False):
            flagged = side.service.update_subscription(
                subscription_id=made.id, cancel_at_period_end=wanted, change="cancel", key=side.key()
            )
            said.append((flagged.status, flagged.cancel_at_period_end))
        ended = side.service.cancel_subscription(subscription_id=made.id, key=side.key())
        held = side.service.list_subscriptions(customer_id=made.customer_id)
        return said, ended.status, ended.ended_at is not None, [one.status for one in held], len(side.invoices(made))

    assert agree(sides, tell) == ([("active", True), ("active", False)], "canceled", True, ["canceled"], 1)


@pytest.mark.parametrize(
    ("begun", "interval"),
    [("2026-01-31", "month"), ("2026-08-31", "month"), ("2026-11-30", "month"), ("2024-02-29", "year")],
)
def test_a_period_from_the_end_of_a_month(judge: SecondJudge, begun: str, interval: str) -> None:
    """Ours, theirs, and what our own calendar says."""
    at = datetime.fromisoformat(f"{begun}T09:30:00+00:00")
    wire = StripeWire(at)
    service = wire.holder.service()
    price_id = service.ensure_price(
        product_id="prod_judged", name="Judged", interval=interval, currency="USD", minor=2000, key="judged"
    )
    ours = Side(service, lambda _minor, _interval: price_id).subscribe(2000)
    other = Side(judge.service, judge.price, judge)
    customer_id = other.customer()
    other.card(customer_id)
    form = {
        "customer": customer_id,
        "items[0][plan]": judge.price(2000, interval),
        "backdate_start_date": str(int(at.timestamp())),
    }
    theirs = judge.service.fetch_subscription(subscription_id=judge.ask("/v1/subscriptions", form)["id"])
    own = period_at(anchor=Anchor(at, at.day, "UTC"), cycle=MONTHLY if interval == "month" else YEARLY, at=at)
    assert (ours.period_start, ours.period_end) == (theirs.period_start, theirs.period_end) == (own.start, own.end)


def test_a_card_that_a_set_up_brought(judge: SecondJudge) -> None:
    made = judge.ask("/v1/setup_intents", {"usage": "off_session"})["id"]
    assert judge.service.method_of_setup(setup_intent_id=made) == ""
    judge.ask(f"/v1/setup_intents/{made}/confirm", {"payment_method": "pm_card_visa"})
    assert judge.service.method_of_setup(setup_intent_id=made).startswith("pm_")


class _Ear(BaseHTTPRequestHandler):
    heard: list[tuple[bytes, dict[str, str]]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append((body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_said: Any) -> None:
        """Say nothing."""


def test_a_notice_that_somebody_else_signed(judge: SecondJudge) -> None:
    _Ear.heard = []
    ear = HTTPServer(("127.0.0.1", 0), _Ear)
    ear.timeout = 5
    judge.ask(
        "/_config/webhooks/ours",
        {
            "url": f"http://127.0.0.1:{ear.server_port}/",
            "secret": SECRET,
            "events[]": "customer.subscription.created",
        },
    )
    made = Side(judge.service, judge.price, judge).subscribe(2000)
    for _ in range(30):  # what the tests before asked for is told too, a second later
        if any(made.id.encode() in body for body, _ in _Ear.heard):
            break
        ear.handle_request()
    ear.server_close()
    body, headers = _Ear.heard[-1]
    at = now()
    assert judge.service.handle_webhook(raw_body=body, headers=headers, now=at).provider_id == made.id
    with pytest.raises(NoticeRefused):
        judge.service.handle_webhook(raw_body=body.replace(b"sub_", b"sub-"), headers=headers, now=at)
