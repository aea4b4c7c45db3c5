"""Wherever a process dies on the way to Stripe and back: nothing is asked twice, nothing that was paid is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.subscriptions.models import Subscription
from tests.subscriptions.stripe_stage import StripeShop

PLACES = (
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
    "ledger.post.before",
    "ledger.post.after",
)
ACTS: dict[str, Callable[[StripeShop, Subscription], object]] = {
    "upgrade": lambda shop, held: shop.change(held, "team"),
    "downgrade": lambda shop, held: shop.change(held, "basic"),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_works(stripe_shop: StripeShop, place: str) -> None:
    shop = stripe_shop
    for act, plan in (("upgrade", "basic"), ("downgrade", "team")):
        subscription = shop.by_card(plan, actor=shop.customer())
        shop.move(days=4)
        try:
            with watching(failing(place)):
                ACTS[act](shop, subscription)
        except Crash:
            pass
        else:
            assert act == "downgrade", "the place was not passed"
        shop.move(minutes=5)
        shop.ask_due()
        shop.hear()
        shop.agrees(subscription)
        assert {call.state for call in shop.calls(subscription)} == {"done"}
        shop.until(shop.again(subscription).current_period_end + timedelta(hours=3), step=timedelta(days=5))
        wanted = {"upgrade": "team", "downgrade": "basic"}[act]
        assert shop.again(subscription).plan_id == shop.plan(wanted).id
        shop.agrees(subscription)
        mine = [
            one for one in shop.rows("subscription") if one["id"] == shop.again(subscription).stripe_subscription_id
        ]
        assert len(mine) == 1
        taken = [
            one["amount_received"] for one in shop.rows("payment_intent") if one["customer"] == mine[0]["customer"]
        ]
        assert sorted(amount for _, amount in shop.payments(subscription)) == sorted(taken)


@pytest.mark.parametrize("place", PLACES[:5])
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
