"""What Stripe takes is booked once, also where a customer changes their mind, or has two tries under way."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.commands import stripe_acts
from clustr.subscriptions.document_queries import my_payments, my_subscription
from clustr.subscriptions.models import Coupon, StripeCall, Subscription
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.stripe_stage import VISA, StripeShop, refused

CHALLENGED, DECLINED = "4000002760003184", "4000000000000341"


def unreachable(shop: StripeShop, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing that is written at Stripe under this path is sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and path in request.url.path:
            raise httpx.ConnectError("nobody is there", request=request)
        return shop._answer(request)

    client = shop.holder.service()._client._requestor._client._outbound._client  # type: ignore[attr-defined]
    monkeypatch.setattr(client, "_transport", httpx.MockTransport(answer))


def saved(shop: StripeShop, card: str) -> str:
    """A card given on Stripe's page, for later."""
    page = shop.ask(commands.begin_setup(actor=shop.bola, now=shop.now))
    assert page is not None
    shop.control("POST", f"/stripe/page/{page.stripe_id}", {"card": card})
    shop.hear()
    return commands.my_methods(actor=shop.bola)[0].id


def test_credit_at_stripe_pays_nothing_that_stripe_goes_on_charging(
    stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade is declined, then somebody at Stripe takes a smaller plan, which gives back more than is open: Stripe keeps that for
    a later invoice, and goes on taking what is open."""
    monkeypatch.setattr(stripe_acts, "refuse_owing", lambda **_: None)  # nobody asks us there
    shop = stripe_shop
    subscription = shop.by_card("basic", interval="year")
    shop.move(days=10)
    shop.dial(stripe__charge__decline=1)
    declined = shop.last(shop.change(subscription, "team", interval="year"))
    shop.heal()
    shop.change(subscription, "basic", interval="year", at_period_end=False)
    note = shop.last(subscription)
    (still,) = (one for one in shop.documents(subscription) if one.id == declined.id)
    assert (still.status, still.credit_applied) == ("open", 0)
    shop.until(shop.now + timedelta(days=4))
    assert shop.payments(subscription)[-1] == ("succeeded", declined.total)
    with tenant(shop.cluster_id):
        held = queries.credit_of(user_id=queries.stripe_credit_holder(user_id=subscription.user_id), currency="USD")
    assert held.minor == note.total
    shop.agrees(subscription)


def test_a_refused_coupon_leaves_the_others(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = stripe_shop
    for code in ("FOREVER20", "SECOND"):
        commands.create_coupon(
            actor=shop.staff, code=code, name=code, discount=Discount(2000), duration=Duration.FOREVER, now=shop.now
        )
    trial = shop.by_card("pro", coupon="FOREVER20")
    unreachable(shop, "/subscriptions/", monkeypatch)

    def second() -> None:
        shop.ask(commands.begin_coupon(actor=shop.bola, subscription_id=trial.id, code="SECOND", now=shop.now))

    assert refused(second) == "provider_unavailable"
    assert shop.history(trial)[-2:] == ["coupon_applied", "coupon_withdrawn"]
    with tenant(shop.cluster_id):
        found = queries.redemption_in_force(subscription=trial, at=shop.now)
        assert found is not None
        assert found[1].code == "FOREVER20"
        counted = Coupon.objects.filter(cluster_id=shop.cluster_id).order_by("code").values_list("code", "redeemed")
        assert list(counted) == [("FOREVER20", 1), ("SECOND", 0)]


@pytest.mark.parametrize("card", [CHALLENGED, DECLINED])
def test_a_saved_card_that_needs_its_holder(stripe_shop: StripeShop, card: str) -> None:
    """The free plan goes on, the customer is handed over to Stripe's page, and nothing is begun twice meanwhile."""
    shop = stripe_shop
    method = saved(shop, card)
    free = shop.subscribe("free")
    begun = shop.begin("basic", method_id=method)
    assert (begun.id, begun.plan_id, begun.status) == (free.id, shop.plan("free").id, "active")
    (invoice,) = shop.rows("invoice")
    assert my_subscription(actor=shop.bola, now=shop.now).checkout_url == invoice["hosted_invoice_url"]
    seen = commands.look_at_my_page(actor=shop.bola, now=shop.now)
    assert seen is not None
    assert (seen.for_plan, seen.state, seen.url) == (True, "waiting", invoice["hosted_invoice_url"])
    assert refused(lambda: shop.begin("basic", method_id=method)) == "already_subscribed"
    paid_with = {"agree": True} if card == CHALLENGED else {"card": "4242424242424242"}
    shop.control("POST", f"/stripe/invoice/{invoice['id']}", paid_with)
    shop.hear()
    subscription = shop.again(free)
    assert (subscription.plan_id, subscription.collection) == (shop.plan("basic").id, "stripe")
    assert shop.calls(free)[-1].state == "done"
    assert my_subscription(actor=shop.bola, now=shop.now).checkout_url == ""
    shop.agrees(subscription)


def test_a_first_payment_that_was_never_made(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    method = saved(shop, CHALLENGED)
    free = shop.subscribe("free")
    shop.begin("basic", method_id=method)
    shop.until(shop.now + timedelta(hours=24))
    shop.ask_due()
    assert (shop.calls(free)[-1].state, shop.again(free).plan_id) == ("dropped", shop.plan("free").id)
    assert my_subscription(actor=shop.bola, now=shop.now).checkout_url == ""
    assert shop.finish(shop.begin("basic")).plan_id == shop.plan("basic").id


def _twice(shop: StripeShop, subscription: Subscription) -> None:
    """A second subscription at Stripe for the same of ours, paid: from a mail of Stripe's, or by hand."""
    (there,) = shop.rows("subscription")
    shop.holder.service().create_subscription(
        customer_id=there["customer"],
        price_id=there["items"]["data"][0]["price"]["id"],
        method_id=there["default_payment_method"],
        reference=str(subscription.id),
        trial_end=None,
        tax_rate_id="",
        coupon_id="",
        key="twice",
    )


def test_what_was_paid_for_a_second_one_is_booked(stripe_shop: StripeShop) -> None:
    """It is ended there, and what came stands in the books: a person gives it back."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    _twice(shop, subscription)
    shop.hear()
    assert shop.payments(subscription) == [("succeeded", 2150), ("succeeded", 2000)]
    shop.move(minutes=5)
    shop.ask_due()
    shop.hear()
    assert [doc["status"] for doc in shop.rows("subscription")] == ["active", "canceled"]
    assert shop.payments(subscription) == [("succeeded", 2150), ("succeeded", 2000)]
    shop.agrees(subscription)


@pytest.mark.parametrize("at_period_end", [True, False])
def test_cancelled_after_the_page_before_its_notice(stripe_shop: StripeShop, at_period_end: bool) -> None:
    """What was paid for is not taken away before its end, unless that is what was asked for."""
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    subscription = shop.cancel(begun, at_period_end=at_period_end)
    wanted = ("active", True) if at_period_end else ("canceled", False)
    assert (subscription.status, subscription.cancel_at_period_end) == wanted
    shop.hear()
    assert shop.payments(subscription) == [("succeeded", 2150)]
    shop.agrees(subscription)


def test_what_was_done_in_part_goes_on(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waited is let go, the change itself is not sent: it is not said that nothing was done, and it is done later."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.change(subscription, "basic")
    with monkeypatch.context() as gone:
        unreachable(shop, "/subscriptions/", gone)
        assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "provider_silent"
    shop.move(minutes=5)
    shop.ask_due()
    shop.hear()
    assert shop.calls(subscription)[-1].state == "done"
    assert shop.again(subscription).plan_id == shop.plan("basic").id
    shop.agrees(subscription)


def test_an_address_given_between_two_asks(stripe_shop: StripeShop) -> None:
    """What was asked is asked again with the same words, under the same key; the address counts for what comes after."""
    shop = stripe_shop
    shop.dial(stripe__charge__timeout_after=1)
    assert refused(lambda: shop.begin("basic")) == "provider_silent"
    shop.heal()
    abroad = commands.NewAddress(line1="1 Ring Road", city="Accra", country="GH")
    commands.set_billing_address(actor=shop.bola, address=abroad, now=shop.now)
    shop.move(minutes=30)
    shop.ask_due()
    (page,) = shop.rows("checkout.session")
    with tenant(shop.cluster_id):
        (begun,) = Subscription.objects.filter(cluster_id=shop.cluster_id, user_id=shop.bola.user_id)
    assert [(call.state, call.stripe_id) for call in shop.calls(begun)] == [("waiting", page["id"])]


def test_what_was_recovered_says_what_failed_before(stripe_shop: StripeShop) -> None:
    """Stripe tells of no failure once a payment succeeded; the customer still sees what happened, and when."""
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(held.current_period_end + timedelta(hours=3))
    shop.heal()
    failed = my_payments(actor=shop.bola, before=None, limit=1)[0]
    assert (failed.status, failed.failure_code, failed.failed_at) == ("failed", "generic_decline", failed.updated_at)
    shop.until(shop.now + timedelta(days=4))
    shop.night()
    paid = my_payments(actor=shop.bola, before=None, limit=1)[0]
    assert (paid.id, paid.status) == (failed.id, "succeeded")
    assert (paid.failure_code, paid.failure_message) == ("generic_decline", "Your card was declined.")
    assert paid.failed_at == failed.failed_at < paid.paid_at
    shop.agrees(held)


def kept(shop: StripeShop) -> list[str]:
    """The ids of the cards that Stripe has of somebody."""
    return [doc["id"] for doc in shop.rows("payment_method") if doc["customer"]]


def given_twice(shop: StripeShop) -> None:
    """A renewal is declined, and its invoice paid on Stripe's page, with the same card."""
    held = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(held.current_period_end + timedelta(hours=3))
    shop.heal()
    shop.control("POST", f"/stripe/invoice/{shop.last(held).stripe_invoice_id}", {"card": VISA})
    shop.hear()
    assert (len(kept(shop)), shop.last(held).status) == (2, "paid")


def test_a_card_that_was_given_twice_is_one(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    given_twice(shop)
    (card,) = commands.my_methods(actor=shop.bola)
    assert (card.is_default, card.id) == (True, kept(shop)[-1])
    other = saved(shop, DECLINED)
    assert [one.id for one in commands.my_methods(actor=shop.bola)] == [other, card.id]
    shop.ask(commands.begin_forgetting(actor=shop.bola, method_id=card.id, now=shop.now))
    assert [one.id for one in commands.my_methods(actor=shop.bola)] == [other]
    assert kept(shop) == [other]


def test_what_is_in_use_is_shown_and_kept_whichever_is_the_newest(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    given_twice(shop)
    old, new = kept(shop)
    (held,) = shop.rows("subscription")
    held["default_payment_method"] = old
    (customer,) = shop.rows("customer")
    customer["invoice_settings"]["default_payment_method"] = None
    assert [one.id for one in commands.my_methods(actor=shop.bola)] == [old]
    shop.ask(commands.begin_forgetting(actor=shop.bola, method_id=new, now=shop.now))
    assert kept(shop) == [old]


def test_a_card_in_use_is_forgotten_wherever_it_is(stripe_shop: StripeShop) -> None:
    """One plan is paid from one id of it, another from the other."""
    shop = stripe_shop
    given_twice(shop)
    old, new = kept(shop)
    (held,) = shop.rows("subscription")
    held["default_payment_method"] = old
    (customer,) = shop.rows("customer")
    customer["invoice_settings"]["default_payment_method"] = new
    (card,) = commands.my_methods(actor=shop.bola)
    assert (card.id, card.is_default) == (new, True)
    shop.ask(commands.begin_forgetting(actor=shop.bola, method_id=new, now=shop.now))
    assert (kept(shop), commands.my_methods(actor=shop.bola)) == ([], [])
    assert not commands.stays_in_use(actor=shop.bola, method_id=new)


def forget_unheard(shop: StripeShop, method_id: str, *, done: bool) -> StripeCall:
    """Stripe is asked to let a card go, and what became of that is not heard."""
    original = shop._answer

    def silent(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/detach"):
            return original(request)
        if done:
            original(request)
        raise httpx.ReadTimeout("nothing came", request=request)

    call = commands.begin_forgetting(actor=shop.bola, method_id=method_id, now=shop.now)
    shop._answer = silent  # type: ignore[method-assign]
    assert refused(lambda: shop.ask(call)) == "provider_silent"
    shop._answer = original  # type: ignore[method-assign]
    return call


@pytest.mark.parametrize("done", [True, False], ids=["the other id", "the same"])
def test_what_was_chosen_since_is_not_forgotten(stripe_shop: StripeShop, done: bool) -> None:
    """Forgetting a card was not heard; then it, or the other id of it, is chosen before that is asked once more."""
    shop = stripe_shop
    given_twice(shop)
    old, new = kept(shop)
    other = saved(shop, DECLINED)
    call = forget_unheard(shop, new, done=done)
    shop.move(minutes=1)
    wanted = old if done else new
    shop.ask(commands.begin_using(actor=shop.bola, method_id=wanted, now=shop.now))
    shop.move(hours=1)
    shop.ask_due()
    assert kept(shop) == ([old, other] if done else [old, new, other])
    (held,) = shop.rows("subscription")
    assert held["default_payment_method"] == wanted
    with tenant(shop.cluster_id):
        assert StripeCall.objects.get(cluster_id=shop.cluster_id, id=call.id).state == "done"


@pytest.mark.parametrize("known", [True, False], ids=["seen", "not seen"])
@pytest.mark.parametrize("chosen", [True, False], ids=["chosen again", "left"])
def test_a_card_in_use_is_forgotten_later_unless_it_was_chosen_again(
    stripe_shop: StripeShop, *, chosen: bool, known: bool
) -> None:
    """Whether or not it was seen, when it was to be forgotten, that it was in use."""
    shop = stripe_shop
    shop.by_card("basic")
    (card,) = kept(shop)
    if known:
        forget_unheard(shop, card, done=False)
    else:
        call = commands.begin_forgetting(actor=shop.bola, method_id=card, now=shop.now)
        shop.dial(stripe__customer__timeout_before=1)
        assert refused(lambda: shop.ask(call)) == "provider_silent"
        shop.heal()
    shop.move(minutes=1)
    if chosen:
        shop.ask(commands.begin_using(actor=shop.bola, method_id=card, now=shop.now))
    shop.move(hours=1)
    shop.ask_due()
    assert kept(shop) == ([card] if chosen else [])


def test_a_card_is_forgotten_once_although_nothing_was_heard(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    given_twice(shop)
    call = commands.begin_forgetting(actor=shop.bola, method_id=kept(shop)[-1], now=shop.now)
    shop.dial(stripe__customer__timeout_after=1)
    assert refused(lambda: shop.ask(call)) == "provider_silent"
    shop.heal()
    shop.move(hours=1)
    shop.ask_due()
    assert kept(shop) == []


def test_who_is_past_due_takes_no_larger_plan(stripe_shop: StripeShop) -> None:
    """Whose card was declined pays first: no second invoice is opened, no limit rises, and nothing is given back of time that
    was not paid. A smaller plan at the end of the period and cancelling stay possible."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(hours=3), step=timedelta(days=9))
    assert shop.again(subscription).status == "past_due"
    assert refused(lambda: shop.change(subscription, "team", interval="year")) == "invoice_overdue"
    assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "invoice_overdue"
    terms = {"subscription_id": subscription.id, "plan_id": shop.plan("team").id, "interval": "year", "now": shop.now}
    assert refused(lambda: commands.foresee_change(actor=shop.bola, **terms)) == "invoice_overdue"
    assert len(shop.documents(subscription)) == 2
    shop.change(subscription, "basic")
    assert my_subscription(actor=shop.bola, now=shop.now).pending is not None
    assert shop.cancel(subscription).cancel_at_period_end
    shop.heal()
    shop.keep(subscription)
    shop.control("POST", f"/stripe/invoice/{shop.last(subscription).stripe_invoice_id}", {"card": VISA})
    shop.hear()
    assert shop.change(subscription, "team", interval="year").interval == "year"
