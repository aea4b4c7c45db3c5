"""Plans by card through pages: on to Stripe's page, back from it in every way, cards, and a payment that failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.queries import customer_actor
from clustr.subscriptions.states import Act, CallState
from clustr.subscriptions.types import Discount, Duration
from clustr.subscriptions.vendors import registry
from tests.cast import ORIGIN, Cast
from tests.subscriptions.stripe_stage import StripeWire, forget_names
from tests.web.pages.browsing import Browser
from tests.web.test_billing import ask
from tests.web.test_billing_staff import invoiced

pytestmark = pytest.mark.usefixtures("books")
BASIC = "/platform/plans/basic/?interval=month&currency=USD"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeWire]:
    made = StripeWire(clock.now())
    monkeypatch.setattr(registry, "_holder", lambda: made.holder)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    forget_names()
    yield made
    forget_names()


def on_stripe(wire: StripeWire, browser: Browser, **how: Any) -> None:
    """Do on Stripe's page what is to be done there; nothing tells of it."""
    found = re.search(r'href="[^"]*/checkout/stripe/([^"/]+)"', browser.text)
    assert found, browser.text
    wire.control("POST", f"/stripe/page/{found[1]}", how)


def begin(wire: StripeWire, browser: Browser, *, trial: bool = True) -> None:
    if not trial:
        browser.open("/platform/plans/free/?interval=month&currency=USD")
        browser.send()
        browser.open("/platform/plans/pro/?interval=month&currency=USD")
    browser.open(BASIC)
    browser.send(means="card")
    on_stripe(wire, browser)


def coupon(cast: Cast) -> str:
    """The code of a coupon that takes off a fifth."""
    staff = customer_actor(user_id=cast.ada.user_id, is_platform_staff=True, origin=ORIGIN)
    made = commands.create_coupon(
        actor=staff,
        code=uuid4().hex[:20],
        name="A fifth off",
        discount=Discount(2000),
        duration=Duration.FOREVER,
        now=clock.now(),
    )
    return made.code


def test_it_works(wire: StripeWire, cast: Cast) -> None:
    """Left, gone on, a trial begun; a card given, used, forgotten; another plan; the way out and back in."""
    bola = Browser(cast.bola)
    bola.open("/platform/back/")
    assert "Nothing was under way" in bola.text
    bola.open(BASIC)
    assert "14 days free" in bola.text
    bola.send(means="card")
    assert "On to Stripe" in bola.text
    onward = bola.page
    bola.open("/platform/back/")
    assert "Not finished" in bola.text
    bola.open("/platform/")
    assert "Your plan has not begun." in bola.text
    assert "begins with 14 free days once Stripe's page is finished" in bola.text
    bola.open("/platform/plans/?interval=month")
    assert "waits on Stripe's page" in bola.text
    assert ">Choose<" not in bola.text
    bola.open("/platform/plans/pro/?interval=month")
    assert "Finish it there, or give it up" in bola.text
    bola.page = onward
    on_stripe(wire, bola)
    bola.open("/platform/back/")
    assert "Your trial has begun" in bola.text
    assert "$19.00 and tax from your card" in bola.text
    bola.open("/platform/cards/")
    assert bola.text.count("•••• 4242") == bola.text.count("In use") == 1
    assert "You owe nothing now." in bola.text
    bola.send("/give/")
    given = bola.page
    bola.open("/platform/back/")
    assert "No card was given" in bola.text
    bola.page = given
    on_stripe(wire, bola, card="4000002500003155")
    bola.open("/platform/back/")
    assert "Your card is kept" in bola.text
    bola.open("/platform/cards/")
    assert bola.text.count("In use") == 1
    bola.send("/use/")
    assert "from this card from now on" in bola.text
    card = ask(cast.client_of(cast.bola), "GET", "payment-methods/")["results"][0]["id"]
    bola.send("/forget/")
    assert "The card is forgotten." in bola.text
    other = Browser(cast.ada)
    other.open("/platform/cards/")
    form = other.form("/give/")
    sent = other.client.post(f"/platform/cards/{card}/use/", form.values, follow=True)
    assert sent.status_code == 404
    bola.open("/platform/cancel/?reason=other")
    bola.send(when="now")
    assert "Ended." in bola.text


def test_units_in_advance(wire: StripeWire, cast: Cast) -> None:
    """Bought from the card in use; a declined one says so, and nothing is kept of it; a bank that asks leads to Stripe's page."""
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/usage/")
    assert "500 AI responses" in bola.text
    assert "Buy for $9.00 and tax" in bola.text
    used = {"feature_type": "ai_responses", "amount": "400", "event_id": uuid4().hex}
    ask(cast.client_of(cast.bola), "POST", "usage/events/", [used])
    bola.open("/platform/")
    assert "400 of 500 are used. <a href=" in bola.text
    assert "Buy units in advance" in bola.text
    bola.open("/platform/usage/")
    bola.send("/usage/buy/")
    assert "500 AI responses" in bola.text
    bola.confirm()
    assert "Paid. The units stand here at once, or in a few minutes." in bola.text
    assert "500 by your plan, 500 bought in advance" in bola.text
    wire.dial(stripe__charge__decline=1)
    bola.send("/usage/buy/")
    bola.confirm()
    assert bola.page.status_code == 402
    assert 'role="alert"' in bola.text
    wire.heal()
    wire.dial(stripe__charge__challenge=1)
    bola.open("/platform/usage/")
    bola.send("/usage/buy/")
    bola.confirm()
    assert "/invoice/stripe/" in bola.text
    bola.open("/platform/usage/")
    assert "500 by your plan, 500 bought in advance" in bola.text


def test_paid_at_once_and_the_preview_is_the_invoice(wire: StripeWire, cast: Cast) -> None:
    """Who had a trial pays at once; a change charges exactly what its preview says."""
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/cancel/?reason=not_used")
    bola.send(when="now")
    bola.open(BASIC)
    assert "days free" not in bola.text
    bola.send(means="card")
    on_stripe(wire, bola)
    bola.open("/platform/back/")
    assert ">Paid<" in bola.text
    bola.open("/platform/")
    bola.send("/coupon/", code=coupon(cast))
    assert "A fifth off" in bola.text
    assert "20% off, every invoice" in bola.text
    bola.open("/platform/plans/pro/?interval=month")
    assert ">Coupon<" in bola.text
    shown = re.search(r'id="due"[^$]*\$([0-9]+)<span class="minor">.([0-9]{2})', bola.text)
    assert shown
    bola.send()
    assert "Your plan is changed." in bola.text
    newest = ask(cast.client_of(cast.bola), "GET", "invoices/")["results"][0]
    assert newest["total"] == int(shown[1] + shown[2])
    assert newest["status"] == "paid"
    bola.open("/platform/invoices/")
    assert bola.client.get(newest["invoice_pdf_url"]).content.startswith(b"%PDF")
    assert Browser(cast.ada).client.get(newest["invoice_pdf_url"]).status_code == 404


def test_a_card_that_another_plan_is_paid_from(wire: StripeWire, cast: Cast) -> None:
    """It is given again, and another card is used; one of the two ids is still what a plan is paid from."""
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/back/")
    for card in ("4242424242424242", "4000002500003155"):
        bola.open("/platform/cards/")
        bola.send("/give/")
        on_stripe(wire, bola, card=card)
        bola.open("/platform/back/")
    (old, _new, other) = [doc["id"] for doc in wire.rows("payment_method") if doc["customer"]]
    (held,) = wire.rows("subscription")
    held["default_payment_method"] = old
    bola.open("/platform/cards/")
    assert bola.text.count("•••• 4242") == 1
    (asked,) = [at for at in re.findall(r"/platform/cards/(pm_[^/]+)/forget/", bola.text) if at != other]
    bola.send(f"/{asked}/forget/")
    assert "Another plan is paid from this card, so it stays." in bola.text
    assert "The card is forgotten." not in bola.text
    bola.open("/platform/cards/")
    assert bola.text.count("•••• 4242") == 1
    bola.send(f"/{old}/forget/")
    assert "The card is forgotten." in bola.text
    bola.open("/platform/cards/")
    assert "•••• 4242" not in bola.text


def test_a_change_that_has_to_wait_a_moment_says_so(wire: StripeWire, cast: Cast) -> None:
    """Usage is on its way to an invoice: a larger plan is not shown, a smaller one is, but for what it comes to now."""
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/cancel/?reason=not_used")
    bola.send(when="now")
    bola.open("/platform/plans/pro/?interval=month&currency=USD")
    bola.send(means="card")
    on_stripe(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/plans/basic/?interval=month")
    assert "Change now" in bola.text
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Subscription.objects.get(cluster_id=PLATFORM_CLUSTER_ID, user_id=cast.bola.user_id, ended_at=None)
        used_in = {"start": mine.current_period_start.isoformat(), "end": mine.current_period_end.isoformat()}
        StripeCall.objects.create(
            id=uuid4(),
            cluster_id=PLATFORM_CLUSTER_ID,
            user_id=mine.user_id,
            subscription_id=mine.id,
            act=Act.OVERAGE,
            state=CallState.RECORDED,
            terms={"items": [], "anew": False, **used_in},
            asked_at=clock.now(),
            next_attempt_at=clock.now(),
        )
    bola.open("/platform/plans/")
    assert "Cancel your plan</a>, and choose this one when it has ended." in bola.text
    assert ("/platform/plans/free/" in bola.text, "/platform/plans/basic/" in bola.text) == (False, True)
    bola.open("/platform/plans/basic/?interval=month")
    assert "At once it cannot be changed:" in bola.text
    assert "Wait a moment, then look again." in bola.text
    assert "hange now" not in bola.text
    bola.send()
    assert "Your plan changes when this period ends." in bola.text
    bola.open("/platform/plans/")
    assert (">From " in bola.text, "/platform/plans/basic/" in bola.text) == (True, False)
    bola.open("/platform/cancel/?reason=not_used")
    assert "Cancelling gives that up" in bola.text
    bola.open("/platform/plans/enterprise/?interval=month")
    assert "Wait a moment, then look again." in bola.text


def test_a_payment_that_fails_shows_the_way_to_recover(wire: StripeWire, cast: Cast) -> None:
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/cancel/?reason=not_used")
    bola.send(when="now")
    bola.open(BASIC)
    bola.send(means="card")
    on_stripe(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/cards/")
    bola.send("/give/")
    on_stripe(wire, bola, card="4000000000000341")
    bola.open("/platform/back/")
    bola.open("/platform/plans/enterprise/?interval=month")
    bola.send()
    assert "the payment did not go through" in bola.text
    assert "Pay now" in bola.text
    assert re.search(r'href="[^"]*/invoice/stripe/[^"]+"', bola.text)
    bola.open("/platform/invoices/")
    assert "Pay now" in bola.text
    bola.open("/platform/cards/")
    assert "is open, and is charged to it." in bola.text
    bola.send("/use/")
    assert "Taken from this card at once" in bola.text
    bola.confirm()
    assert "was taken from this card, as everything is from now on." in bola.text
    bola.open("/platform/cards/")
    assert "You owe nothing now." in bola.text
    bola.open("/platform/payments/")
    assert "after a try that failed, " in bola.text


def test_stripe_lets_customers_come_back_to_a_page_of_ours() -> None:
    assert reverse("platform:back") == commands.BACK_FROM_STRIPE


def test_units_are_bought_where_mails_say() -> None:
    assert reverse("platform:usage") == commands.BUY_UNITS


def test_stripe_does_not_answer(wire: StripeWire, cast: Cast) -> None:
    bola = Browser(cast.bola)
    bola.open(BASIC)
    wire.dial(any__timeout_before=1)
    answer = bola.send(means="card")
    assert answer.status_code in (502, 503, 504)
    wire.heal()
    bola.open("/platform/back/")
    assert bola.page.status_code == 200


def test_without_stripe(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing offers a card; a bank transfer begins a plan as ever."""
    off = StripeWire(clock.now())
    off.holder._env = type("Env", (), {"STRIPE_SECRET_KEY": ""})()
    monkeypatch.setattr(registry, "_holder", lambda: off.holder)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    bola = Browser(cast.bola)
    bola.open(BASIC)
    assert 'name="means"' not in bola.text
    bola.send()
    assert "Welcome. Your plan has begun." in bola.text
    bola.open("/platform/cards/")
    assert "paid by bank transfer here" in bola.text
    assert "/give/" not in bola.text
    assert bola.open("/platform/back/").status_code == 200


def test_what_is_open_by_transfer_is_no_card_s(wire: StripeWire, cast: Cast) -> None:
    """Beside an invoice that is paid by transfer nobody reads that they owe nothing."""
    bola = Browser(cast.bola)
    invoice = invoiced(cast, cast.client_of(cast.bola))
    bola.open("/platform/cards/")
    assert "No card payment is due." in bola.text
    assert (
        f"{Money(invoice['total'], invoice['currency']).with_sign()} is open, and is paid in another way:" in bola.text
    )
    assert "You owe nothing now." not in bola.text


def test_what_a_change_settled_of_usage_is_shown(wire: StripeWire, cast: Cast) -> None:
    bola = Browser(cast.bola)
    begin(wire, bola)
    bola.open("/platform/usage/")
    assert "Settled when you changed plans" not in bola.text
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Subscription.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=cast.bola.user_id)
        mine.update(usage_owed=[{"description": "7,500 AI responses", "amount": 3750}])
    bola.open("/platform/usage/")
    assert "Settled when you changed plans: $37.50 and tax, with the next invoice." in bola.text


def bought(wire: StripeWire, cast: Cast) -> tuple[Browser, Browser, dict[str, Any]]:
    """Bola, who bought units by card; one of the platform's staff; and the invoice of the units."""
    email = f"staff-{uuid4().hex}@example.test"
    who = create_platform_staff(email=email, name="Ngozi", now=clock.now())
    bola, ngozi = Browser(cast.bola), Browser(replace(cast.ada, user_id=who))
    begin(wire, bola)
    bola.open("/platform/back/")
    bola.open("/platform/usage/")
    bola.send("/usage/buy/")
    bola.confirm()
    return bola, ngozi, ask(cast.client_of(cast.bola), "GET", "invoices/")["results"][0]


def test_staff_see_what_needs_a_person_and_give_back(wire: StripeWire, cast: Cast) -> None:
    """A part is given back by page, the rest disputed; each is told where it belongs, and the case is closed with a note."""
    bola, ngozi, invoice = bought(wire, cast)
    customer = f"/platform/customers/{cast.bola.user_id}/"
    address = f"/platform/customers/documents/{invoice['id']}/refund/"
    ngozi.open(customer)
    assert address in ngozi.links
    ngozi.open(address)
    ngozi.send(amount="999999", reason="Twice")
    assert "more than is left to give back" in ngozi.text
    assert ngozi.confirm(amount="999999", reason="Twice").status_code == 409
    ngozi.send(amount="1.50", reason="Twice")
    ngozi.confirm()
    assert "$1.50 given back" in ngozi.text
    (payment,) = ask(cast.client_of(cast.bola), "GET", "payments/")["results"]
    at = f"/stripe/return/{payment['stripe_payment_intent_id']}"
    wire.control("POST", at, {"act": "dispute", "amount": 300})
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.hear_stripe(about=payment["stripe_payment_intent_id"], now=clock.now(), cluster_id=platform.cluster_id)
    bola.open("/platform/payments/")
    assert "$1.50 given back" in bola.text
    assert "$3.00 disputed" in bola.text
    bola.open("/platform/invoices/")
    assert "Given back to your card" in bola.text
    assert "Disputed at your bank" in bola.text
    ngozi.open("/platform/cases/")
    assert invoice["invoice_number"] in ngozi.text
    assert "disputes a payment at their bank" in ngozi.text
    for q in (cast.bola.email, "payer disputes", invoice["invoice_number"]):
        ngozi.open(f"/platform/cases/?q={q}")
        assert "disputes a payment at their bank" in ngozi.text, q
    ngozi.open(f"/platform/cases/?q={cast.ada.email}", HX_Request="true")
    assert "Nothing found" in ngozi.text


def test_of_what_was_given_back_wholly_nothing_is_left(wire: StripeWire, cast: Cast) -> None:
    _, ngozi, invoice = bought(wire, cast)
    address = f"/platform/customers/documents/{invoice['id']}/refund/"
    ngozi.open(address)
    ngozi.send(amount="", reason="All of it")
    ngozi.confirm()
    assert "given back" in ngozi.text
    ngozi.open(address)
    assert "Nothing of it is left to give back." in ngozi.text
    assert "Give it back" not in ngozi.text
