"""What is not heard of Stripe is asked again under the same key, and done once; what is told twice or late changes nothing."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from threading import Thread

import httpx
import pytest
from django.db import connections

from clustr.kit.crashpoints import watching
from clustr.kit.tenancy import tenant
from clustr.payments.providers.port import NoticeRefused
from clustr.subscriptions import commands
from clustr.subscriptions.models import StripeCall
from clustr.subscriptions.vendors.stripe_notices import to_look_at
from tests.subscriptions.stripe_stage import VISA, StripeShop, refused

AFTER, BEFORE = "timeout_after", "timeout_before"


@pytest.mark.parametrize("fault", [AFTER, BEFORE])
@pytest.mark.parametrize("act", ["subscribe", "upgrade", "cancel"])
def test_it_works(stripe_shop: StripeShop, fault: str, act: str) -> None:
    """Nothing was heard of the request itself; a minute later the same is asked, and it has happened once."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.move(days=5)
    group = {"subscribe": "charge", "upgrade": "plan", "cancel": "plan"}[act]
    if act == "subscribe":
        shop.cancel(subscription, at_period_end=False)
        card = commands.my_methods(actor=shop.bola)[0].id
    shop.dial(**{f"stripe__{group}__{fault}": 1})
    match act:
        case "subscribe":
            heard = refused(lambda: shop.begin("basic", method_id=card))
        case "upgrade":
            heard = refused(lambda: shop.change(subscription, "team"))
        case _:
            heard = refused(lambda: shop.cancel(subscription))
    assert heard == "provider_silent"
    if act == "upgrade":
        assert refused(lambda: shop.cancel(subscription)) == "change_under_way"
    shop.heal()
    shop.move(minutes=30)
    shop.ask_due()
    assert shop.night()["unheard"] == 0
    mine = shop.rows("subscription")
    assert [doc["status"] for doc in mine].count("active") == 1
    match act:
        case "subscribe":
            assert len(mine) == 2
            assert sum(doc["status"] == "paid" for doc in shop.rows("invoice")) == 2
        case "upgrade":
            assert shop.again(subscription).plan_id == shop.plan("team").id
            assert len(shop.rows("invoice")) == 2
            shop.agrees(subscription)
        case _:
            assert shop.again(subscription).cancel_at_period_end


def test_a_look_at_a_page_that_is_not_sent_says_nothing_of_what_was_done_there(
    stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paid on Stripe's page; on the way back no connection is to be had. The plan begins when Stripe is heard."""
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {"card": VISA, "agree": True})
    answer = shop._answer

    def no_way(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no way out", request=request)

    monkeypatch.setattr(shop, "_answer", no_way)
    (call,) = shop.calls(begun)
    for _ in range(2):
        assert refused(lambda: shop.ask(call)) == "provider_silent"
    assert shop.again(begun).status == "incomplete"
    monkeypatch.setattr(shop, "_answer", answer)
    shop.move(hours=1)
    shop.hear()
    shop.ask_due()
    assert shop.again(begun).status == "active"
    shop.agrees(begun)


def test_nothing_was_sent(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")

    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody is there", request=request)

    monkeypatch.setattr(
        shop.holder.service()._client._requestor._client._outbound._client,
        "_transport",
        httpx.MockTransport(unreachable),
    )  # type: ignore[attr-defined]
    assert refused(lambda: shop.cancel(subscription)) == "provider_unavailable"
    assert [call.state for call in shop.calls(subscription)][-1] == "refused"


def test_the_key_holds_no_longer(stripe_shop: StripeShop) -> None:
    """After a day nothing is asked again: it is looked for, and found or given up."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.dial(stripe__plan__timeout_after=1)
    assert refused(lambda: shop.change(subscription, "team")) == "provider_silent"
    shop.heal()
    shop.move(hours=25)
    shop.ask_due()
    assert shop.calls(subscription)[-1].state == "done"
    assert len(shop.rows("invoice")) == 2
    shop.dial(stripe__plan__timeout_before=1)
    assert refused(lambda: shop.change(subscription, "team", interval="year")) == "provider_silent"
    shop.heal()
    shop.move(hours=25)
    shop.ask_due()
    assert shop.calls(subscription)[-1].state == "dropped"
    assert shop.again(subscription).interval == "month"
    shop.agrees(subscription)


@pytest.mark.parametrize("seed", range(3))
def test_told_twice_and_shuffled(stripe_shop: StripeShop, seed: int) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    told = []
    for _ in range(3):
        shop.move(days=11)
        shop.dial(stripe__charge__decline=int(shop.now.day % 2))
        told += shop.events()
    shop.heal()
    shop.change(subscription, "team")
    told = [*told, *shop.events()] * 2
    random.Random(seed).shuffle(told)
    for delivery in told:
        about = to_look_at(json.loads(delivery.body)["data"]["object"])
        assert commands.hear_stripe(about=about, now=shop.now, cluster_id=shop.cluster_id)
    shop.agrees(subscription)
    assert len({one.stripe_invoice_id for one in shop.documents(subscription)}) == len(shop.documents(subscription))


def test_no_notice_ever_came(stripe_shop: StripeShop) -> None:
    """The night finds the trial's end, its payment, and what was cancelled at Stripe."""
    shop = stripe_shop
    subscription = shop.by_card("pro")
    shop.move(days=16)
    shop.sandbox.due_webhooks()
    assert shop.night()["followed"] == 1
    assert shop.payments(subscription) == [("succeeded", 5375)]
    shop.agrees(subscription)
    assert shop.night()["strange"] == 0


@pytest.mark.parametrize("fault", [AFTER, BEFORE, "too_many", "error_after"])
def test_a_strangers_card_stays_whatever_is_not_heard(stripe_shop: StripeShop, fault: str) -> None:
    """Whose it is was asked, and not heard: it is asked again before anything else is."""
    shop = stripe_shop
    shop.by_card("basic")
    stranger = shop.customer()
    shop.by_card("basic", actor=stranger)
    (card,) = commands.my_methods(actor=shop.bola)
    call = commands.begin_forgetting(actor=stranger, method_id=card.id, now=shop.now)
    shop.dial(**{f"stripe__list__{fault}": 1})
    assert refused(lambda: shop.ask(call)) == "provider_silent"
    shop.heal()
    shop.move(hours=1)
    shop.ask_due()
    assert [one.id for one in commands.my_methods(actor=shop.bola)] == [card.id]
    with tenant(shop.cluster_id):
        held = StripeCall.objects.get(cluster_id=shop.cluster_id, id=call.id)
    assert (held.state, held.refused_code) == ("refused", "payment_method_not_found")


@pytest.mark.parametrize("fault", [AFTER, BEFORE])
def test_a_card_is_forgotten_though_it_was_not_heard(stripe_shop: StripeShop, fault: str) -> None:
    """Also a day later, when Stripe does not remember the request: the card is gone, and that is what was wanted."""
    shop = stripe_shop
    shop.by_card("basic")
    (card,) = commands.my_methods(actor=shop.bola)
    call = commands.begin_forgetting(actor=shop.bola, method_id=card.id, now=shop.now)
    shop.dial(**{f"stripe__customer__{fault}": 1})
    assert refused(lambda: shop.ask(call)) == "provider_silent"
    shop.heal()
    shop.move(hours=25)
    shop.ask_due()
    assert commands.my_methods(actor=shop.bola) == []
    with tenant(shop.cluster_id):
        assert StripeCall.objects.get(cluster_id=shop.cluster_id, id=call.id).state == "done"


@pytest.mark.parametrize("given_up", [False, True])
def test_an_ended_plan_is_paid_late_and_no_notice_came(stripe_shop: StripeShop, given_up: bool) -> None:
    """Its invoice stays open at Stripe, or is given up there, and its customer pays it on Stripe's page weeks later."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(hours=3))
    assert shop.cancel(subscription, at_period_end=False).status == "canceled"
    shop.heal()
    owed = shop.last(subscription)
    if given_up:
        shop.control("POST", f"/stripe/invoice/{owed.stripe_invoice_id}", {"act": "give_up"})
    shop.hear()
    assert shop.last(subscription).status == ("uncollectible" if given_up else "open")
    shop.move(days=20)
    assert shop.night()["followed"] == 1
    shop.control("POST", f"/stripe/invoice/{owed.stripe_invoice_id}", {"card": VISA})
    shop.sandbox.due_webhooks()
    shop.move(days=8)
    assert shop.night()["followed"] == 1
    assert (shop.last(subscription).status, shop.payments(subscription)[-1]) == ("paid", ("succeeded", 2150))
    shop.agrees(subscription)
    shop.move(days=8)
    assert shop.night()["followed"] == 0


def test_what_was_asked_earlier_and_comes_later_is_old(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    about = subscription.stripe_subscription_id
    shop.sandbox.due_webhooks()

    def overtaken(place: str) -> None:
        if place == "subscriptions.follow.answered":
            with watching(lambda _place: None):
                shop.cancel(subscription)

    with watching(overtaken):
        commands.hear_stripe(about=about, now=shop.now, cluster_id=shop.cluster_id)
    assert shop.again(subscription).cancel_at_period_end
    shop.agrees(subscription)


def test_twenty_at_once_book_one_payment(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    about = shop.rows("subscription")[0]["id"]

    def hear() -> None:
        try:
            commands.hear_stripe(about=about, now=shop.now, cluster_id=shop.cluster_id)
        finally:
            connections.close_all()

    threads = [Thread(target=hear) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.payments(begun) == [("succeeded", 2150)]
    assert len(shop.documents(begun)) == 1


def test_signatures(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    shop.by_card("basic")
    shop.move(days=1)
    shop.cancel(shop.again(shop.by_card("basic", actor=shop.customer())))
    (delivery, *_) = shop.events()
    header = delivery.headers["stripe-signature"]
    stamp = header.split(",")[0]

    def read(value: str | None, *, body: bytes = delivery.body, later: float = 0) -> None:
        headers = {} if value is None else {"Stripe-Signature": value}
        commands.read_stripe_notice(raw_body=body, headers=headers, now=shop.now + timedelta(seconds=later))

    read(header)
    read(f"{header},v1=00")
    for wrong in (None, "", "t=1", stamp, f"{stamp},v1=00", f"{stamp},v0={header[-64:]}", header.replace("t=", "t=1")):
        with pytest.raises(NoticeRefused):
            read(wrong)
    for later in (-301, 301):
        with pytest.raises(NoticeRefused):
            read(header, later=later)
    with pytest.raises(NoticeRefused):
        read(header, body=delivery.body + b" ")
