"""Wherever a process dies on the way to Stripe and back: nothing is asked twice, nothing that was paid is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import Payment, StripeCall, Subscription
from clustr.subscriptions.states import Act
from clustr.subscriptions.types import Discount, Duration
from tests.crash.ways import in_turns
from tests.subscriptions.stripe_stage import StripeShop, buy_units

BEGINS = "subscriptions.begin_at_stripe"
NOT_BEGUN = (f"{BEGINS}.before", f"{BEGINS}.before_commit")
PLACES = (
    *NOT_BEGUN,
    f"{BEGINS}.after_commit",
    "subscriptions.ask_stripe.recorded",
    "subscriptions.ask_stripe.answered",
    "subscriptions.end_stripe_call.before",
    "subscriptions.end_stripe_call.before_commit",
    "subscriptions.end_stripe_call.after_commit",
    "subscriptions.follow.asking",
    "subscriptions.follow.answered",
    "subscriptions.follow.before",
    "subscriptions.follow.before_commit",
    "subscriptions.follow.after_commit",
)
POSTING = ("ledger.post.before", "ledger.post.after")
ACTS: dict[str, Callable[[StripeShop, Subscription], object]] = {
    "upgrade": lambda shop, held: shop.change(held, "team"),
    "downgrade": lambda shop, held: shop.change(held, "basic"),
}


PLANS = {"upgrade": ("basic", "team"), "downgrade": ("team", "basic")}


@pytest.mark.parametrize(
    ("place", "act"), [*in_turns("changes", PLACES, list(ACTS)), *((place, "upgrade") for place in POSTING)]
)
def test_it_works(stripe_shop: StripeShop, place: str, act: str) -> None:
    shop, (plan, wanted) = stripe_shop, PLANS[act]
    subscription = shop.by_card(plan, actor=shop.customer())
    shop.move(days=4)
    with watching(failing(place)), pytest.raises(Crash):
        ACTS[act](shop, subscription)
    if place in NOT_BEGUN:
        assert shop.calls(subscription)[-1].act == Act.CHECKOUT, "nothing is left of it"
        ACTS[act](shop, subscription)
    shop.move(minutes=5)
    shop.ask_due()
    shop.hear()
    shop.agrees(subscription)
    assert {call.state for call in shop.calls(subscription)} == {"done"}
    shop.until(shop.again(subscription).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    assert shop.again(subscription).plan_id == shop.plan(wanted).id
    shop.agrees(subscription)
    mine = [one for one in shop.rows("subscription") if one["id"] == shop.again(subscription).stripe_subscription_id]
    assert len(mine) == 1
    taken = [one["amount_received"] for one in shop.rows("payment_intent") if one["customer"] == mine[0]["customer"]]
    assert sorted(amount for _, amount in shop.payments(subscription)) == sorted(taken)


@pytest.mark.parametrize("place", PLACES[2:8])
def test_while_it_begins(stripe_shop: StripeShop, place: str) -> None:
    shop = stripe_shop
    with watching(failing(place)), pytest.raises(Crash):
        shop.begin("basic")
    shop.move(minutes=5)
    shop.ask_due()
    assert len(shop.rows("checkout.session")) == 1
    with_page = shop.rows("checkout.session")[0]["id"]
    shop.control("POST", f"/stripe/page/{with_page}", {})
    shop.hear()
    assert [doc["status"] for doc in shop.rows("subscription")] == ["active"]


RETURNS = [
    *(f"subscriptions.follow_returns.{at}" for at in ("asking", "answered", "before", "before_commit", "after_commit")),
    *POSTING,
]


@pytest.mark.parametrize("place", RETURNS)
def test_what_goes_back_is_booked_whole_or_not_at_all(stripe_shop: StripeShop, place: str) -> None:
    """And then by the next who looks: the notice again, or the night."""
    shop = stripe_shop
    held = shop.by_card("basic")
    intent = shop.rows("payment_intent")[0]["id"]
    shop.control("POST", f"/stripe/return/{intent}", {"act": "refund", "amount": 1000})
    shop.control("POST", f"/stripe/return/{intent}", {"act": "dispute", "amount": 500})
    with watching(failing(place)), pytest.raises(Crash):
        shop.hear()
    shop.night()
    with tenant(shop.cluster_id):
        (payment,) = Payment.objects.filter(cluster_id=shop.cluster_id)
    assert (payment.refunded_minor, payment.disputed_minor) == (1000, 500)
    assert [one.total for one in shop.documents(held)] == [2150, 1000]


def _first_card(shop: StripeShop) -> str:
    return commands.my_methods(actor=shop.bola)[0].id


BEGINNINGS: dict[str, Callable[[StripeShop, Subscription], object]] = {
    "subscribing": lambda shop, _held: shop.begin("basic", actor=shop.customer()),
    "change": lambda shop, held: shop.change(held, "team"),
    "cancelling": lambda shop, held: shop.cancel(held),
    "reactivating": lambda shop, held: shop.keep(held),
    "coupon": lambda shop, held: shop.ask(
        commands.begin_coupon(actor=shop.bola, subscription_id=held.id, code="LESS", now=shop.now)
    ),
    "buying": lambda shop, held: buy_units(shop, held),
    "refunding": lambda shop, held: shop.ask(
        commands.begin_refund(
            actor=shop.staff, invoice_id=shop.last(held).id, amount=Money(100, "USD"), reason="Twice", now=shop.now
        )
    ),
    "setup": lambda shop, _held: shop.ask(commands.begin_setup(actor=shop.bola, now=shop.now)),
    "using": lambda shop, _held: shop.ask(
        commands.begin_using(actor=shop.bola, method_id=_first_card(shop), now=shop.now)
    ),
    "forgetting": lambda shop, _held: shop.ask(
        commands.begin_forgetting(actor=shop.bola, method_id=_first_card(shop), now=shop.now)
    ),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_what_is_begun_is_written_down_whole_or_not_at_all(stripe_shop: StripeShop, name: str) -> None:
    shop = stripe_shop
    terms = {"duration": Duration.ONCE, "duration_months": None, "now": shop.now}
    commands.create_coupon(actor=shop.staff, code="LESS", name="Less", discount=Discount(500), **terms)
    held = shop.by_card("basic")

    def written() -> list[tuple[str, str]]:
        with tenant(shop.cluster_id):
            rows = StripeCall.objects.filter(cluster_id=shop.cluster_id)
            return list(rows.order_by("id").values_list("act", "state"))

    if name == "reactivating":
        shop.cancel(held)
    before = written()
    with watching(failing(f"{BEGINS}.before_commit")), pytest.raises(Crash):
        BEGINNINGS[name](shop, held)
    assert written() == before
    with watching(failing(f"{BEGINS}.after_commit")), pytest.raises(Crash):
        BEGINNINGS[name](shop, held)
    assert len(written()) == len(before) + 1
    shop.move(minutes=5)
    shop.ask_due()
    assert "recorded" not in {state for _, state in written()}
    shop.hear()
    shop.agrees(held)
