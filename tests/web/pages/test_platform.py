"""The platform's pages: a customer's plan from the first look to the end, and what only the platform's staff sees."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import uuid4

import pytest
from django.db.models import F

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.models import Subscription
from tests.cast import Cast, Person
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import PLATFORM, PLATFORM_STAFF
from tests.web.pages.test_every_page import queries_of
from tests.web.test_billing import ask

MOST_STATEMENTS = 55
"""Of a page of one's plan, with advice that compares every plan on offer."""


@pytest.fixture(autouse=True)
def _plans(cast: Cast) -> None:
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    subscriptions.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=cast.now)


@pytest.fixture
def ngozi(cast: Cast) -> Person:
    user_id = create_platform_staff(email=f"ngozi-{cast.cluster_id}@example.test", name="Ngozi", now=cast.now)
    return replace(cast.ada, name="Ngozi", user_id=user_id)


def test_it_works(cast: Cast) -> None:
    """Look at the plans, begin one, change it, cancel it, keep it, say where invoices go."""
    ada = Browser(cast.ada)
    ada.open("/platform/")
    assert ada.page.request["PATH_INFO"] == "/platform/plans/"
    assert "Reports and exports" in ada.text
    assert "then ₦15.00 each" in ada.text
    assert "before tax; ₦31,175.00 with 7.5\N{NO-BREAK SPACE}% tax in Nigeria" in ada.text
    ada.open("/platform/plans/?currency=USD")
    assert "then $0.005 each" in ada.text
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    assert "29,000" in ada.text
    form, page = ada.form(), ada.page
    ada.send()
    assert "Welcome. Your plan has begun." in ada.text
    ada.page = page
    ada.send(form=form)
    ada.open("/platform/plans/pro/?interval=month")
    assert "Change to Pro" in ada.text
    ada.send()
    assert "Your plan is changed." in ada.text
    ada.open("/platform/cancel/")
    assert "Why do you want to go?" in ada.text
    ada.open("/platform/cancel/?reason=too_expensive")
    assert "Before you go" in ada.text
    assert "Free would be enough" in ada.text
    assert re.search(r"It comes without: [^<]*Reports and exports", ada.text), re.findall("It comes[^<]*", ada.text)
    ada.send(when="period_end", reason="Too dear")
    assert "Your plan ends" in ada.text
    ada.send("/reactivate/")
    assert "Your plan goes on." in ada.text
    ada.open("/platform/address/")
    assert ada.send(line1="1 Palm Road", city="Lagos", country="Nigeria").status_code == 422
    ada.send(line1="1 Palm Road", city="Lagos", country="ng")
    assert "Saved." in ada.text
    for address in PLATFORM:
        assert ada.open(address).status_code == 200


def test_a_coupon_that_is_none(cast: Cast) -> None:
    ada = Browser(cast.ada)
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    ada.send()
    assert ada.send("/coupon/", code="NOTHING").status_code in (404, 409, 422)


@pytest.mark.parametrize("address", [*PLATFORM, *PLATFORM_STAFF])
def test_a_stranger_is_asked_to_sign_in(address: str) -> None:
    answer = Browser(None).client.get(address.format(user=uuid4(), invoice=uuid4()))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")


def test_customers_are_for_staff(cast: Cast, ngozi: Person) -> None:
    ada = Browser(cast.ada)
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    ada.send()
    assert ada.open("/platform/customers/").status_code == 404
    staff = Browser(ngozi)
    staff.open("/platform/")
    assert staff.page.request["PATH_INFO"] == "/platform/customers/"
    staff.open(f"/platform/customers/?q={cast.ada.email}&status=trialing")
    assert cast.ada.email in staff.text
    staff.open(f"/platform/customers/?q={cast.bola.email}")
    assert "Nothing found" in staff.text


def test_a_phone_s_bar_marks_what_stands_for_the_page(ngozi: Person) -> None:
    """What has no place of its own there is marked at the place it is reached by; staff's own places have a heading."""
    staff = Browser(ngozi)
    for page, place in (
        *((page, "customers/") for page in ("trends/", "at-risk/", "cases/", "dunning/", "coupons/", "coupons/new/")),
        *((page, "") for page in ("cards/", "address/")),
    ):
        staff.open(f"/platform/{page}")
        assert re.findall('<a href="([^"]+)" class="leads-here"', staff.text) == [f"/platform/{place}"], page
    staff.open("/platform/customers/")
    assert 'class="leads-here"' not in staff.text
    assert staff.text.count('<li class="desk kind">The platform</li>') == 1


def test_for_an_estate(cast: Cast) -> None:
    """Who administers an estate chooses its plan beside their own; a neighbour's estate does not count."""
    ada, dayo = Browser(cast.ada), Browser(cast.dayo)
    theirs = f"estate={cast.cluster_id}"
    ada.open(f"/platform/plans/basic/?interval=month&currency=NGN&{theirs}")
    assert "for Palm Grove" in ada.text
    ada.send()
    assert "For Palm Grove" in ada.text
    ada.open("/platform/plans/pro/?interval=month&currency=NGN&estate=me")
    ada.send()
    assert ada.open("/platform/?estate=me").status_code == 200
    assert "Pro" in ada.text
    ada.open(f"/platform/plans/enterprise/?interval=month&{theirs}")
    ada.send()
    ada.open(f"/platform/?{theirs}")
    assert "Enterprise" in ada.text
    dayo.open(f"/platform/plans/basic/?interval=month&currency=NGN&{theirs}")
    assert "Palm Grove" not in dayo.text
    assert dayo.send(estate=str(cast.cluster_id)).status_code == 404


def test_every_page_is_of_the_plan_that_was_chosen(cast: Cast) -> None:
    """The choice of a plan stands on each page about one, goes on with every link, and lists hold that plan's rows."""
    ada, estate = Browser(cast.ada), f"estate={cast.cluster_id}"
    for plan, whose in (("basic", estate), ("pro", "estate=me")):
        ada.open(f"/platform/plans/{plan}/?interval=month&currency=NGN&{whose}")
        ada.send()
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Subscription.objects.filter(user_id=cast.ada.user_id)
        (theirs,) = mine.filter(for_cluster_id=cast.cluster_id)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    subscriptions.renew_subscription(actor=platform, subscription_id=theirs.id, now=theirs.current_period_end)
    for address in ("/platform/", "/platform/usage/", "/platform/invoices/", "/platform/payments/"):
        ada.open(f"{address}?{estate}")
        assert 'aria-label="Whose plan"' in ada.text, address
        assert f"{address}?estate=me" in [ada.page.request["PATH_INFO"] + link for link in ada.links], address
    for address in ("/platform/usage/", "/platform/invoices/", "/platform/cards/", "/platform/address/"):
        ada.open(f"{address}?{estate}")
        for place in ("", "plans/", "invoices/", "usage/", "cards/", "address/"):
            assert f"/platform/{place}?{estate}" in ada.links, (address, place)
    ada.open(f"/platform/address/?{estate}")
    ada.send(line1="1 Palm Road", city="Lagos", country="NG")
    assert ada.page.redirect_chain[-1][0] == f"/platform/address/?{estate}"
    ada.open(f"/platform/invoices/?{estate}")
    assert "details" in ada.text.partition("<main")[2]
    assert "To be paid" in ada.text
    assert '<details class="more item-details" open>' in ada.text
    assert "Demonstration Bank" in ada.text
    account, reference = re.findall('data-copy="([^"]+)"', ada.text)
    assert account == "0000000000"
    assert f'<span class="name">{reference}</span>' in ada.text
    ada.open("/platform/invoices/?estate=me")
    assert "No invoices yet" in ada.text


def test_own_lists_are_searched(cast: Cast) -> None:
    client, ada = cast.client_of(cast.ada), Browser(cast.ada)
    ask(client, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    ask(client, "PUT", "subscription/", {"plan_id": "basic", "interval": "month"})
    number = ask(client, "GET", "invoices/")["results"][0]["invoice_number"]
    ada.open(f"/platform/invoices/?q={number[-4:].lower()}")
    assert number in ada.text
    ada.open("/platform/invoices/?q=nothing", HX_Request="true")
    assert "Nothing found" in ada.text
    assert "<main" not in ada.text
    ada.open(f"/platform/payments/?q={number}")
    assert "Nothing found" in ada.text


def test_advice_usage_and_alerts(cast: Cast) -> None:
    """A plan that is larger than what is used says so; at 80 per cent of a limit the page does too."""
    client = cast.client_of(cast.ada)
    for path, body in (("subscribe/", {"plan_id": "free"}), ("subscription/", {"plan_id": "basic"})):
        sent = body | {"interval": "month"}
        ask(client, "PUT" if path == "subscription/" else "POST", path, sent, 200 if "tion" in path else 201)
    ada = Browser(cast.ada)
    ada.open("/platform/")
    assert "A cheaper plan fits you." not in ada.text
    event = {"feature_type": "ai_responses", "amount": "1", "event_id": uuid4().hex}
    ask(client, "POST", "usage/events/", [event])
    ada.open("/platform/")
    assert "A cheaper plan fits you." in ada.text
    with tenant(PLATFORM_CLUSTER_ID):
        Subscription.objects.filter(user_id=cast.ada.user_id).update(status="past_due", past_due_since=cast.now)
    ada.open("/platform/")
    assert "A cheaper plan fits you." not in ada.text
    for form in ("coupon", "reactivate"):  # reloaded in the address bar after a refusal
        assert ada.open(f"/platform/{form}/?estate=me").status_code == 200
        assert "Your plan" in ada.text
    ada.open("/platform/plans/")
    assert "Pay it first; then you can take a larger plan." in ada.text
    assert ("/platform/plans/free/" in ada.text, "/platform/plans/pro/" in ada.text) == (True, False)
    assert ada.open("/platform/plans/pro/?interval=month").status_code == 409
    assert "Pay it first, then take the plan." in ada.text
    with tenant(PLATFORM_CLUSTER_ID):
        Subscription.objects.filter(user_id=cast.ada.user_id).update(status="unpaid")
    ada.open("/platform/plans/")
    assert "Your plan has stopped: an invoice of it was not paid." in ada.text
    assert not any(f"/platform/plans/{code}/" in ada.text for code in ("free", "basic", "pro", "enterprise"))
    with tenant(PLATFORM_CLUSTER_ID):
        Subscription.objects.filter(user_id=cast.ada.user_id).update(status="active", past_due_since=None)
    event = {"feature_type": "ai_responses", "amount": "399", "event_id": uuid4().hex}
    ask(client, "POST", "usage/events/", [event])
    ada.open("/platform/")
    assert "A cheaper plan fits you." not in ada.text
    assert "AI responses: 400 of 500 are used." in ada.text
    ada.open("/platform/usage/")
    assert "400 in this period" in ada.text
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Subscription.objects.filter(user_id=cast.ada.user_id)
        mine.update(included={"ai_responses": "-25"}, included_since=F("current_period_start"))
    ada.open("/platform/usage/")
    assert "475 by your plan until this period ends, because it changed within it; then 500" in ada.text
    bola = Browser(cast.bola)
    bola.open("/platform/usage/")
    assert bola.page.request["PATH_INFO"] == "/platform/plans/"


def test_what_is_said_before_the_end(cast: Cast) -> None:
    """Who cancels is told what use beyond the limits will cost; who changes what ends is told that it ends all the same."""
    client = cast.client_of(cast.ada)
    ask(client, "POST", "subscribe/", {"plan_id": "basic", "interval": "month", "currency": "NGN"}, 201)
    ask(client, "PUT", "subscription/", {"plan_id": "pro", "interval": "month"}, 200)
    ada = Browser(cast.ada)
    ada.open("/platform/cancel/?reason=too_expensive")
    assert "beyond your limits" not in ada.text
    used = DEFAULT_PLANS["pro"]["ai_responses_limit"] + 2
    event = {"feature_type": "ai_responses", "amount": str(used), "event_id": uuid4().hex}
    ask(client, "POST", "usage/events/", [event])
    ada.open("/platform/cancel/?reason=too_expensive")
    assert "So far you used ₦32.25 beyond your limits, tax included." in ada.text
    ada.open("/platform/plans/enterprise/?interval=month")
    assert "You cancelled" not in ada.text
    ada.open("/platform/cancel/?reason=too_expensive")
    ada.send(when="period_end")
    ada.open("/platform/plans/enterprise/?interval=month")
    assert "You cancelled: the other plan, too, ends with its period" in ada.text


def test_as_many_statements_for_many_invoices_as_for_one(cast: Cast) -> None:
    client, ada = cast.client_of(cast.ada), Browser(cast.ada)
    ask(client, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    ask(client, "PUT", "subscription/", {"plan_id": "basic", "interval": "month"})
    found = ["/platform/invoices/?q=inv", "/platform/payments/?q=inv", "/platform/invoices/?estate=me"]
    addresses = [*(address for address in PLATFORM if address != "/platform/plans/basic/"), *found]
    little = {address: queries_of(ada, address) for address in addresses}
    for plan in ("pro", "enterprise"):
        ask(client, "PUT", "subscription/", {"plan_id": plan, "interval": "month"})
    assert {address: queries_of(ada, address) for address in addresses} == little
    assert max(little.values()) <= MOST_STATEMENTS, little
