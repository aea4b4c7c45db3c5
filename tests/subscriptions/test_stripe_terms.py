"""What Stripe charges is what is agreed here: the tax of the address, the price of a contract, what was used beyond the plan."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.db import connection

from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import StripeCall, Subscription
from tests.subscriptions.stripe_stage import StripeShop


def lives_in(shop: StripeShop, country: str) -> None:
    address = commands.NewAddress(line1="1 Ring Road", city="Town", country=country)
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)


def renew(shop: StripeShop, subscription: Subscription) -> tuple[int, int]:
    """What its next invoice charges, net and tax; the jobs run as they do."""
    ends = shop.again(subscription).current_period_end
    shop.until(ends - timedelta(hours=5), step=timedelta(days=9))
    commands.take_agreed_price(actor=shop.system, subscription_id=subscription.id, now=shop.now)
    for at in (ends - timedelta(hours=1), ends + timedelta(hours=3)):
        shop.ask_due()
        shop.until(at)
    shop.ask_due()
    shop.agrees(subscription)
    invoice = shop.last(subscription)
    assert shop.payments(subscription)[-1] == ("succeeded", invoice.total)
    return invoice.total - invoice.tax_amount, invoice.tax_amount


def test_tax_follows_the_address(stripe_shop: StripeShop) -> None:
    """Also into a change that waits, and back again."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.change(subscription, "basic")
    lives_in(shop, "NG")
    shop.move(seconds=1)
    lives_in(shop, "GH")
    assert renew(shop, subscription) == (2000, 0)
    assert shop.rows("customer")[0]["address"]["country"] == "GH"
    lives_in(shop, "NG")
    assert renew(shop, subscription) == (2000, 150)


def test_what_nobody_waits_for_is_asked_at_once(stripe_shop: StripeShop) -> None:
    """A job tells Stripe the new address as soon as it is saved here; what somebody asks themself, a job asks only should they not."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    lives_in(shop, "GH")
    shop.change(subscription, "team")
    with tenant(shop.cluster_id):
        calls = {str(call.id): call.act for call in StripeCall.objects.filter(cluster_id=shop.cluster_id)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args ->> 'call_id', scheduled_at IS NULL FROM procrastinate_jobs WHERE task_name = %s",
            ["subscriptions.ask_stripe"],
        )
        at_once = {calls[id]: soon for id, soon in cursor.fetchall() if id in calls}
    assert at_once == {"checkout": False, "address": True, "change": False}


def test_an_address_given_while_the_page_is_open(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    lives_in(shop, "GH")
    shop.move(minutes=5)
    shop.ask_due()
    subscription = shop.finish(begun)
    assert renew(shop, subscription) == (2000, 0)


def test_a_contract_price(stripe_shop: StripeShop) -> None:
    """From the first period that begins within its term, to the last; also for what waits for the end of a period."""
    shop = stripe_shop
    subscription = shop.by_card("basic")

    def agree(plan: str, minor: int, days: int) -> None:
        commands.agree_contract_price(
            actor=shop.staff,
            user_id=subscription.user_id,
            plan_code=plan,
            interval="month",
            price=Money(minor, "USD"),
            starts_at=shop.now,
            ends_at=shop.now + timedelta(days=days),
            now=shop.now,
        )

    agree("basic", 1500, 40)
    assert [renew(shop, subscription) for _ in range(2)] == [(1500, 113), (2000, 150)]
    subscription = shop.change(subscription, "team")
    shop.change(subscription, "basic")
    agree("basic", 1000, 40)
    assert renew(shop, subscription) == (1000, 75)
    assert shop.again(subscription).plan_id == shop.plan("basic").id


def beyond(shop: StripeShop) -> Subscription:
    """A renewal that is a draft, with something used beyond the plan to be put on it."""
    subscription = shop.by_card("pro")
    shop.until(subscription.current_period_end + timedelta(hours=3), step=timedelta(days=5))
    shop.use(subscription, 5_100)
    ends = shop.again(subscription).current_period_end
    shop.until(ends, step=timedelta(days=9))
    shop.move(minutes=10)
    shop.hear()
    return subscription


def test_overage_when_the_draft_is_issued_meanwhile(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands on the next invoice."""
    shop = stripe_shop
    subscription = beyond(shop)
    client = shop.holder.service()._client._requestor._client._outbound._client  # type: ignore[attr-defined]

    def late(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/invoiceitems"):
            shop.move(hours=2)
            shop.rows("invoice")  # what is due there happens
        return shop._answer(request)

    with monkeypatch.context() as gone:
        gone.setattr(client, "_transport", httpx.MockTransport(late))
        shop.move(minutes=5)
        shop.ask_due()
    assert [call.state for call in shop.calls(subscription) if call.act == "overage"] == ["done"]
    shop.until(shop.again(subscription).current_period_end + timedelta(hours=3), step=timedelta(days=9))
    assert [kind for one in shop.documents(subscription) for kind, _ in shop.lines(one)].count("overage") == 1
    assert ("overage", 150) in shop.lines(shop.last(subscription))
    shop.agrees(subscription)


def test_overage_whose_answer_was_lost(stripe_shop: StripeShop) -> None:
    """Asked again when the draft is gone, it has the same words, and stands there once."""
    shop = stripe_shop
    subscription = beyond(shop)
    shop.dial(stripe__plan__timeout_after=1)
    shop.move(minutes=5)
    shop.ask_due()
    shop.heal()
    shop.until(shop.now + timedelta(hours=4))
    shop.ask_due()
    assert [call.state for call in shop.calls(subscription) if call.act == "overage"] == ["done"]
    assert ("overage", 150) in shop.lines(shop.last(subscription))
    shop.agrees(subscription)
