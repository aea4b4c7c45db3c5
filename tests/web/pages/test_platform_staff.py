"""What the platform's staff see and do through pages; and that nobody else does."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.money import Money
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.figures import MonthOfRevenue
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.states import PaymentMethod
from clustr.web.pages.office import lists
from clustr.web.pages.platform.plots import movements_of
from clustr.web.pages.platform.words import FIGURE, MOVEMENT
from tests.cast import Cast, Person
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import PLATFORM_STAFF
from tests.web.pages.office.test_queries import MOST
from tests.web.pages.test_every_page import queries_of
from tests.web.test_billing_staff import ask, invoiced
from tests.words import reference as a_reference

pytestmark = pytest.mark.usefixtures("books")
DOCS = Path(__file__).resolve().parents[3] / "docs" / "analytics.md"


@pytest.fixture(autouse=True)
def _plans(cast: Cast) -> None:
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())


@pytest.fixture
def ngozi(cast: Cast) -> Browser:
    email = f"ngozi-{uuid4().hex}@example.test"
    return Browser(replace(cast.ada, user_id=create_platform_staff(email=email, name="Ngozi", now=clock.now())))


def customer(cast: Cast, person: Person) -> dict[str, Any]:
    """This person, with a plan and an invoice that is open."""
    return invoiced(cast, cast.client_of(person))


def test_it_works(cast: Cast, ngozi: Browser) -> None:
    """From the list to a customer's story; a transfer is booked, some of it given back, units sold, a price agreed."""
    invoice = customer(cast, cast.bola)
    ngozi.open(f"/platform/customers/?q={cast.bola.email}")
    assert f"/platform/customers/{cast.bola.user_id}/" in ngozi.links
    story = f"/platform/customers/{cast.bola.user_id}/"
    ngozi.open(story)
    for said in (invoice["invoice_number"], "Changed the plan", "Chose a plan", "$19.00 a month"):
        assert said in ngozi.text, said
    number = invoice["invoice_number"]
    rows = ngozi.open(f"{story}?q={number[-4:].lower()}", HX_Request="true").content.decode()
    assert number in rows and "<html" not in rows
    assert number not in ngozi.open(f"{story}?q=x{number}", HX_Request="true").content.decode()
    assert "No document of theirs has such a number." in ngozi.text
    ngozi.open(story)
    payment = f"/platform/customers/documents/{invoice['id']}/payment/"
    ngozi.open(payment)
    assert ngozi.form().values["amount"] == "20.43"
    assert ngozi.send(amount="20.432", reference="TRF-1").status_code == 422
    reference = a_reference()
    ngozi.send(amount="21.43", reference=reference)
    assert "In their favour then" in ngozi.text
    ngozi.confirm()
    assert f"Booked: the invoice {invoice['invoice_number']}." in ngozi.text
    assert "$1.00 more than was due" in ngozi.text
    assert ask(cast.client_of(cast.bola), "GET", "invoices/")["results"][0]["status"] == "paid"
    ngozi.open(payment)
    ngozi.send(amount="1", reference=reference)
    assert ngozi.confirm().status_code == 409

    ngozi.open(f"/platform/customers/documents/{invoice['id']}/correct/")
    assert ngozi.send(act="credit", reason="A day without").status_code == 422
    ngozi.send(act="credit", amount="1.00", reason="A day without")
    assert "Given back, before tax" in ngozi.text
    ngozi.confirm()
    assert f"Corrected: {invoice['invoice_number']}." in ngozi.text
    assert ask(cast.client_of(cast.bola), "GET", "subscription/")["credit"] == 100 + 108

    ngozi.open(f"{story}pack/")
    ngozi.send(feature_type="ai_responses", quantity="100", price="5")
    assert "100 AI responses" in ngozi.text
    ngozi.confirm()
    assert "Sold, and invoiced." in ngozi.text
    ngozi.open(f"{story}verify/")
    assert ngozi.send(expires_at="").status_code == 422
    ngozi.send(kind="education", expires_at="2090-01-31")
    assert "Verified." in ngozi.text
    ngozi.open(f"{story}price/")
    ngozi.send(plan_id="pro", interval="month", currency="USD", price="12.50", starts_at="2020-01-01")
    assert "Agreed." in ngozi.text
    assert "$12<span" in ngozi.text
    bola = Browser(cast.bola)
    bola.open("/platform/usage/")
    assert "500 by your plan, 100 bought in advance" in bola.text
    bola.open("/platform/plans/pro/?interval=month")
    assert "$12.50" in bola.text


def test_a_coupon_is_made(ngozi: Browser) -> None:
    code = uuid4().hex[:20].upper()
    ngozi.open("/platform/coupons/new/")
    assert ngozi.send(code=code, name="A fifth off", kind="percent", amount="120", duration="once").status_code == 422
    assert "Write at most 100." in ngozi.text
    ngozi.send(code=code, name="A fifth off", kind="percent", amount="20", duration="repeating", duration_months="3")
    assert f"Made: {code}." in ngozi.text
    assert "20% off, every invoice for 3 months" in ngozi.text
    ngozi.open("/platform/coupons/new/")
    assert ngozi.send(code=code, name="Twice", kind="USD", amount="5", duration="once").status_code == 409
    assert ngozi.send(code=f"{code}B", name="Five", kind="XXX", amount="5", duration="once").status_code == 422
    ngozi.send(code=f"{code}B", name="Five", kind="USD", amount="5.50", duration="once", max_redemptions="10")
    assert "$5.50 off, the next invoice" in ngozi.text
    assert "0 / 10" in ngozi.text


def test_nobody_else_sees_it(cast: Cast) -> None:
    """A customer, an estate's administrator, a stranger's id: there is nothing."""
    invoice = customer(cast, cast.bola)
    for person in (cast.bola, cast.ada):
        browser = Browser(person)
        browser.open("/platform/plans/")
        token = browser.client.cookies["csrftoken"].value if "csrftoken" in browser.client.cookies else ""
        for place in PLATFORM_STAFF:
            address = place.format(user=cast.bola.user_id, invoice=invoice["id"])
            assert browser.client.get(address).status_code == 404, address
            if "{" in place:
                sent = browser.client.post(address, {"csrfmiddlewaretoken": token, "amount": "1", "reference": "x"})
                assert sent.status_code in (403, 404, 405), address


def test_nobody_does_it_for_themself(cast: Cast, ngozi: Browser) -> None:
    ngozi.open("/platform/plans/basic/?interval=month&currency=USD")
    ngozi.send(means="bank_transfer")
    mine = re.search(r"/platform/customers/([0-9a-f-]{36})/", ngozi.open("/platform/customers/").content.decode())
    assert mine
    ngozi.open(f"/platform/customers/{mine[1]}/verify/")
    assert ngozi.send(kind="education", expires_at="2090-01-31").status_code == 422
    assert 'role="alert"' in ngozi.text


def test_what_is_not_there(ngozi: Browser) -> None:
    for place in PLATFORM_STAFF:
        if "{" in place:
            assert ngozi.open(place.format(user=uuid4(), invoice=uuid4())).status_code == 404, place


def test_revenue_is_what_the_api_says_and_adds_up(cast: Cast, ngozi: Browser) -> None:
    customer(cast, cast.bola)
    told = ngozi.client.get("/api/v1/billing/analytics/?months=12").json()
    (last,) = [month for month in told["months"] if month["currency"] == "USD"][-1:]
    ngozi.open("/platform/revenue/?currency=USD")
    for name in ("mrr_start", "new", "reactivation", "expansion", "contraction", "churn", "mrr_end", "arr"):
        assert Money(last[name], "USD").with_sign().partition(".")[0] in ngozi.text, name
    assert "Same month" in ngozi.text
    csv = ngozi.client.get("/api/v1/billing/analytics/?format=csv&months=12")
    assert csv["Content-Type"].startswith("text/csv")
    assert ngozi.open("/platform/trends/").status_code == 200


def test_a_time_in_which_nothing_moved_has_a_plot(cast: Cast) -> None:
    """Revenue that came before it and stays: no gain, no loss, and a page all the same."""
    month = MonthOfRevenue(
        month=cast.now.date().replace(day=1),
        currency="NGN",
        **{field.name: 5 if field.name.startswith("mrr_") else 0 for field in fields(MonthOfRevenue)[2:] if field.init},
    )
    assert movements_of([month]).pieces == ()
    assert movements_of([month]).lines == ((50, "0"),)


def test_figures_are_explained_in_the_words_of_the_docs(ngozi: Browser) -> None:
    written = " ".join(DOCS.read_text().split())
    for name, (_label, formula) in (FIGURE | MOVEMENT).items():
        assert formula in written, name


def test_who_is_at_risk_and_who_is_chased(cast: Cast, ngozi: Browser) -> None:
    invoice = customer(cast, cast.bola)
    held = ask(cast.client_of(cast.bola), "GET", "subscription/")
    late = clock.now() + timedelta(days=40)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.settle_standing(actor=platform, subscription_id=UUID(held["id"]), now=late)
    for address in ("/platform/dunning/", "/platform/at-risk/"):
        ngozi.open(address)
        assert f"/platform/customers/{cast.bola.user_id}/" in ngozi.links, address
    assert "Payment failed" in ngozi.text
    ngozi.open("/platform/dunning/")
    assert invoice["invoice_number"] in ngozi.text
    assert "1 of 5" in ngozi.text


def test_why_a_card_was_not_charged_is_said_in_words(cast: Cast, ngozi: Browser) -> None:
    invoice = customer(cast, cast.bola)
    late = clock.now() + timedelta(days=40)
    held = ask(cast.client_of(cast.bola), "GET", "subscription/")
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.settle_standing(actor=platform, subscription_id=UUID(held["id"]), now=late)
    for code, message, said in (
        ("insufficient_funds", "Your card has insufficient funds.", "The card&#x27;s account does not cover it"),
        ("not_heard_of", "Odd card.", '<span class="soft small">Odd card.</span>'),
        ("not_heard_of", "", '<span class="soft small">not heard of</span>'),
    ):
        commands.handle_failed_payment(
            actor=replace(platform, permissions=frozenset({STAFF})), invoice_id=UUID(invoice["id"]), amount=Money(2043, "USD"), method=PaymentMethod.CARD,
            code=code, message=message, now=clock.now(),
        )  # fmt: skip
        for address in ("/platform/dunning/", f"/platform/customers/{cast.bola.user_id}/"):
            ngozi.open(address)
            assert said in ngozi.text, (address, code)
    assert "insufficient_funds" not in ngozi.text


def test_lists_are_searched_and_go_on(cast: Cast, ngozi: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is at risk, overdue invoices and coupons: found by whom and by what they are called, page by page, each row once."""
    monkeypatch.setattr(lists, "ROWS", 1)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    numbers = {}
    for person in (cast.bola, cast.residents[1]):
        numbers[person.user_id] = customer(cast, person)["invoice_number"]
        held = ask(cast.client_of(person), "GET", "subscription/")
        late = clock.now() + timedelta(days=40)
        commands.settle_standing(actor=platform, subscription_id=UUID(held["id"]), now=late)
    for address in ("/platform/dunning/", "/platform/at-risk/"):
        seen: list[str] = []
        ngozi.open(address)
        for _page in range(200):
            seen += re.findall(r"/platform/customers/([0-9a-f-]{36})/", ngozi.text)
            following = [link for link in ngozi.links if "cursor=" in link]
            if not following:
                break
            ngozi.open(address + following[0], HX_Request="true")
        assert len(seen) == len(set(seen)), address
        assert {str(cast.bola.user_id), str(cast.residents[1].user_id)} <= set(seen), address
        ngozi.open(f"{address}?q={cast.bola.email}")
        assert str(cast.bola.user_id) in ngozi.text
        assert str(cast.residents[1].user_id) not in ngozi.text
        ngozi.open(f"{address}?q=nobodyofthatname")
        assert "Nothing found" in ngozi.text
    ngozi.open(f"/platform/dunning/?q={numbers[cast.bola.user_id].lower()}")
    assert str(cast.bola.user_id) in ngozi.text
    ngozi.open("/platform/coupons/?q=nosuchcoupon")
    assert "Nothing found" in ngozi.text


def test_as_many_statements_for_many_customers_as_for_one(cast: Cast, ngozi: Browser) -> None:
    invoice = customer(cast, cast.bola)
    ids = {"user": cast.bola.user_id, "invoice": invoice["id"]}
    found = ("customers/", "at-risk/", "dunning/", "coupons/", "cases/")
    addresses = [place.format(**ids) for place in PLATFORM_STAFF] + [f"/platform/{place}?q=example" for place in found]
    little = {address: queries_of(ngozi, address) for address in addresses}
    for person in (cast.ada, cast.residents[1], cast.dayo):
        customer(cast, person)
    assert {address: queries_of(ngozi, address) for address in addresses} == little
    assert max(little.values()) <= MOST, little
